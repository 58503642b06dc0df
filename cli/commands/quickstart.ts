import { join } from 'node:path'
import { z } from 'zod'
import { packageRoot } from '../../core/entry.ts'
import { GraftError } from '../../core/errors.ts'
import type { Adapter } from '../../platform/schemas/adapters.ts'
import { isUnderWay } from '../../platform/schemas/statuses.ts'
import type { Training } from '../../platform/schemas/trainings.ts'
import type { Command } from '../command.ts'
import { percentText } from '../output.ts'
import { duration, type Progress, progressTo } from '../progress.ts'
import { required } from '../required.ts'
import { serveUntilStopped } from '../serving.ts'
import { type Api, getJson, postJson, requireSuccess } from '../store/api.ts'
import { datasetOfFile } from '../store/datasets.ts'
import { followTraining } from '../store/follow.ts'

const flags = {
  port: z.int().min(0).max(65535).default(8080).describe('0 picks a free one'),
  threads: z.int().positive().optional().describe('one for each core where absent'),
}

const NAME = 'quickstart'

export const quickstart: Command = {
  summary: 'Train a LoRA on the sample reviews with the embedded base, and serve it.',
  usage: 'quickstart [--port N]',
  about:
    'Everything is kept in .graft (GRAFT_HOME sets another folder); a second start serves it at once, and one that was interrupted goes on.',
  examples: ['graft quickstart'],
  flags: { Quickstart: flags },
  async run({ json: _, ...values }) {
    const options = { ...required(flags, values), host: '127.0.0.1', worker: true }
    const progress = progressTo()
    await serveUntilStopped(options, async (url, platform) => {
      const { apiOf } = await import('../store/own-api.ts')
      await trained(await apiOf(platform), progress)
      process.stdout.write(`${url}\n`)
      progress.say(
        `Try it:\n  curl ${url}/v1/predictions -H 'content-type: application/json' -d '{"inputs": ["A joy from start to finish.", "Two hours I want back."], "adapter": "${NAME}"}'\nThe whole API: ${url}/docs`,
      )
    })
  },
}

/** Makes the adapter where there is none, or goes on making it. */
async function trained(api: Api, progress: Progress): Promise<void> {
  if (await getJson<Adapter>(api, `/v1/adapters/${NAME}`).catch(absent)) {
    progress.say(`Serving the adapter ${NAME}; remove it to train it again: graft adapters remove ${NAME}`)
    return
  }
  const { id } = (await unfinished(api)) ?? (await launched(api, progress))
  const training = await followTraining(api, id, progress, new AbortController().signal)
  requireSuccess(training)
  const { metrics, seconds } = training.result as { metrics: { accuracy: number; n: number }; seconds: number }
  progress.say(
    `Trained in ${duration(seconds)}: ${percentText(metrics.accuracy)} of ${metrics.n} test reviews are labelled rightly.`,
  )
  progress.say('These are few and short reviews; docs/benchmarks.md tells what 25,000 real ones give.')
}

function absent(error: unknown): undefined {
  if (!(error instanceof GraftError && ['adapter_unknown', 'training_unknown'].includes(error.code))) throw error
}

async function unfinished(api: Api): Promise<Training | undefined> {
  const known = await getJson<Training>(api, `/v1/trainings/${NAME}`).catch(absent)
  if (known?.status === 'paused') return postJson(api, `/v1/trainings/${known.id}/resume`)
  return known && isUnderWay(known) ? known : undefined
}

async function launched(api: Api, progress: Progress): Promise<Training> {
  progress.say('Training a LoRA on 390 sample reviews …')
  const sample = (name: string) => datasetOfFile(api, join(packageRoot, 'samples', `${name}.jsonl`))
  const [train, test] = [await sample('train'), await sample('test')]
  return postJson<Training>(api, '/v1/trainings', {
    name: NAME,
    method: 'lora',
    dataset: train.id,
    test_dataset: test.id,
    epochs: 8,
    batch_tokens: 1024,
  })
}
