import { readFile } from 'node:fs/promises'
import { parse as parseYaml } from 'yaml'
import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import {
  methodFields,
  parseTrainingSpec,
  planTraining,
  profileTraining,
  train as runTraining,
  savedSpec,
  type TrainingSpec,
  trainingFields,
} from '../../platform/offline/train.ts'
import type { Command } from '../command.ts'
import { nearest } from '../flags.ts'
import { profileLines } from '../lines/profile.ts'
import { planLines } from '../lines/training.ts'
import { percentText, print } from '../output.ts'
import { duration, grouped, progressTo } from '../progress.ts'
import { tellTraining } from '../training-progress.ts'

const own = {
  method: z
    .enum(Object.keys(methodFields) as [string, ...string[]])
    .default('lora')
    .describe('what is trained'),
  name: z.string().describe('train on the store instead, and keep the adapter there under this name'),
  config: z.string().describe('a YAML or JSON file of these fields, in snake_case; flags win'),
  resume: z.boolean().describe('go on with the training that was interrupted at --out'),
  plan: z.boolean().describe('a dry run: check everything, measure two steps, write nothing'),
  profile: z
    .boolean()
    .describe('train nothing; measure where the time of a step goes, by op and layer, and write a flame graph'),
}

/** With --resume the saved settings hold; these alone may change. */
const RESUMABLE = ['out', 'threads', 'device', 'micro_tokens', 'save_seconds', 'resume', 'json']

export const train: Command = {
  summary: 'Train an adapter, or the whole model, on labelled reviews.',
  usage: 'train --data FILE --out DIR|--name NAME [--test FILE] [--method lora|bottleneck|soft-prompt|full] [flags]',
  about: `Data are JSONL lines {"text": …, "label": …} or a CSV with those columns, plain or .gz. Ctrl-C saves the state and tells how to go on;
the result is the same as without the break. The folder is in the layout of PEFT (lora, soft-prompt), AdapterHub (bottleneck) or
Hugging Face (full), with graft.json beside it.

A profile (--profile) takes four steps while ONNX Runtime traces every kernel, on as many threads as the training would have, and measures the
last three; the tracing itself is part of what it measures. The flame graph is OUT.speedscope.json; open it at https://www.speedscope.app.`,
  examples: [
    'graft train --data train.jsonl.gz --test test.jsonl.gz --out film-lora',
    'graft train --method bottleneck --bottleneck 8 --data train.jsonl --out film-adapter',
    'graft train --data train.jsonl.gz --name film',
    'graft train --data train.jsonl --out film-lora --plan',
    'graft train --data train.jsonl --out film-lora --profile',
    'graft train --resume --out film-lora',
  ],
  flags: {
    Training: { ...own, ...trainingFields.shape },
    ...Object.fromEntries(Object.entries(methodFields).map(([method, fields]) => [`Fields of ${method}`, fields])),
  },
  async run({ json, plan, profile, resume, config, ...flags }) {
    if (plan && profile) both()
    if (flags.name !== undefined) {
      const fields = { ...(await readConfig(config)), ...flags, resume, profile }
      const { trainOnStore } = await import('../store/train-on-store.ts')
      return trainOnStore({ fields, plan: plan === true, json: json === true })
    }
    const spec = resume
      ? resumedSpec(flags, { plan, profile, config })
      : parseTrainingSpec({ ...(await readConfig(config)), ...flags })
    const progress = progressTo()
    const listen = tellTraining(progress)
    const stop = new AbortController()
    process.on('SIGINT', () => {
      progress.say('Saving the state …')
      stop.abort()
    })
    process.on('SIGTERM', () => stop.abort())
    if (plan) {
      const { plan: planned, estimate } = await planTraining(spec, listen, stop.signal)
      return print(json, { ...planned, estimate }, planLines({ estimate }))
    }
    if (profile) {
      const measured = await profileTraining(spec, listen, stop.signal)
      return print(json, measured, profileLines(measured))
    }
    const result = await runTraining(spec, listen, stop.signal, resume === true)
    const { metrics, curve: _, ...short } = result
    const { checkpoint, steps, trainable, total, seconds, reviews_per_second, loss, accuracy } = short
    print(json, short, [
      `${checkpoint}`,
      `${grouped(steps)} steps in ${duration(seconds)}, ${reviews_per_second.toFixed(1)} reviews/s; final loss ${loss.toFixed(4)}`,
      `${grouped(trainable)} of ${grouped(total)} parameters trained`,
      ...(accuracy !== undefined && metrics
        ? [
            `accuracy ${percentText(accuracy)} on ${grouped(metrics.n)} reviews, 95 % interval ${metrics.interval.map(percentText).join(' to ')}`,
          ]
        : []),
    ])
  },
}

const both = (): never =>
  fail('usage', {
    subject: '--profile',
    expected: 'no --plan beside it',
    found: 'both',
    fix: 'Both are dry runs; leave one out.',
  })

function resumedSpec(
  flags: Readonly<Record<string, unknown>>,
  refused: Readonly<Record<string, unknown>>,
): TrainingSpec {
  const extra = Object.entries({ ...flags, ...refused }).find(
    ([field, value]) => value !== undefined && !RESUMABLE.includes(field),
  )
  if (extra)
    fail('usage', {
      subject: `--${extra[0].replaceAll('_', '-')}`,
      expected: 'no other setting with --resume',
      found: String(extra[1]),
      fix: 'The saved settings hold; leave it out.',
    })
  const { out } = flags
  if (typeof out !== 'string')
    fail('usage', {
      subject: '--out',
      expected: 'the folder of the training to go on with',
      found: 'nothing',
      fix: 'Add --out DIR.',
    })
  return { ...savedSpec(out), out, ...(flags as Partial<TrainingSpec>) }
}

async function readConfig(path: unknown): Promise<Record<string, unknown>> {
  if (path === undefined) return {}
  const text = await readFile(String(path), 'utf8').catch((error) =>
    fail(
      'file_missing',
      {
        subject: String(path),
        expected: 'a YAML or JSON file',
        found: error.code === 'ENOENT' ? 'no such file' : error.code,
        fix: 'Check the path.',
      },
      error,
    ),
  )
  const value = parsed(text, String(path))
  const known = ['method', ...Object.keys(trainingFields.shape), ...Object.values(methodFields).flatMap(Object.keys)]
  const unknown = Object.keys(value).find((field) => !known.includes(field))
  if (unknown !== undefined)
    fail('usage', {
      subject: `${path}, ${unknown}`,
      expected: `a field of a training, in snake_case${nearest(unknown, known)}`,
      found: 'an unknown one',
      fix: 'See graft train --help.',
    })
  return value
}

function parsed(text: string, subject: string): Record<string, unknown> {
  const wrong = (found: string) => fail('usage', { subject, expected: 'YAML or JSON', found, fix: 'Fix the file.' })
  let value: unknown
  try {
    value = parseYaml(text)
  } catch (error) {
    return wrong((error as Error).message.split('\n')[0])
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  return wrong(`${Array.isArray(value) ? 'a list' : `a ${typeof value}`}, not a mapping of fields`)
}
