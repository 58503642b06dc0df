import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { packageRoot } from '../../core/entry.ts'
import { parseTrainingSpec, train } from '../../platform/use-cases/train.ts'
import type { Command } from '../command.ts'
import { percentText } from '../output.ts'
import { duration, progressTo } from '../progress.ts'
import { required } from '../required.ts'
import { serveUntilStopped } from '../serving.ts'
import { tellTraining } from '../training-progress.ts'

const flags = {
  port: z.int().min(0).max(65535).default(8080).describe('0 picks a free one'),
  threads: z.int().positive().optional().describe('one for each core where absent'),
}

export const quickstart: Command = {
  summary: 'Train a LoRA on the sample reviews with the embedded base, and serve it.',
  usage: 'quickstart [--port N]',
  about:
    'The adapter is kept in .graft/quickstart (GRAFT_HOME sets another folder than .graft); a second start serves it at once.',
  examples: ['graft quickstart'],
  flags: { Quickstart: flags },
  async run({ json: _, ...values }) {
    const { port, threads } = required(flags, values)
    const progress = progressTo()
    const out = join(process.env.GRAFT_HOME ?? '.graft', 'quickstart')
    const sample = (name: string) => join(packageRoot, 'samples', `${name}.jsonl`)
    if (existsSync(join(out, 'graft.json')))
      progress.say(`Serving the adapter in ${out}; remove the folder to train it again.`)
    else {
      progress.say('Training a LoRA on 390 sample reviews …')
      const spec = parseTrainingSpec({
        method: 'lora',
        data: sample('train'),
        test: sample('test'),
        out,
        epochs: 8,
        batch_tokens: 1024,
        threads,
      })
      const { accuracy, metrics, seconds } = await train(
        spec,
        tellTraining(progress),
        new AbortController().signal,
        true,
      )
      progress.say(
        `Trained in ${duration(seconds)}: ${percentText(accuracy ?? 0)} of ${metrics?.n} test reviews are labelled rightly.`,
      )
      progress.say('These are few and short reviews; docs/benchmarks.md tells what 25,000 real ones give.')
    }
    await serveUntilStopped({ checkpoints: [out], port, host: '127.0.0.1', threads }, (url) => {
      process.stdout.write(`${url}\n`)
      progress.say(
        `Try it:\n  curl ${url}/v1/predictions -H 'content-type: application/json' -d '{"inputs": ["A joy from start to finish.", "Two hours I want back."]}'`,
      )
    })
  },
}
