import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { formatCount } from '../../core/format-count.ts'
import {
  dryRunTraining,
  profileTraining,
  readTrainingSpec,
  train as runTraining,
} from '../../platform/offline/train.ts'
import { fieldsByMethod } from '../../platform/schemas/methods.ts'
import { trainingFields } from '../../training/spec.ts'
import { resumeSpec } from '../../training/state/resume-spec.ts'
import type { Command } from '../command.ts'
import { fetchBase } from '../hub-progress.ts'
import { formatProfile } from '../lines/profile.ts'
import { formatCalibration, formatEstimate, formatFindings, formatSkipped, warningsOf } from '../lines/training.ts'
import { formatPercent, printResult } from '../output.ts'
import { formatDuration, makeProgress } from '../progress.ts'
import { readYamlFile } from '../read-yaml-file.ts'
import { saveOnSignal } from '../save-on-signal.ts'
import { requireTrainingField } from '../training-fields.ts'
import { makeTrainingListener } from '../training-progress.ts'

const commandFlags = {
  method: z
    .enum(Object.keys(fieldsByMethod) as [string, ...string[]])
    .default('lora')
    .describe('Method to train with.'),
  name: z.string().describe('Train in the store instead of a folder. The adapter gets this name.'),
  config: z.string().describe('YAML or JSON file of these flags, in snake_case. Flags on the command line win.'),
  resume: z
    .boolean()
    .describe('Continue the interrupted training in --out. Its settings are saved; others are refused.'),
  plan: z.boolean().describe('Check everything and measure two steps, but write nothing.'),
  profile: z
    .boolean()
    .describe('Measure where the time of a step goes, by op and layer, and write a flame graph. Train nothing.'),
}

export const train: Command = {
  summary: 'Train an adapter, or the full model, on labeled reviews',
  usage: 'train --data FILE (--out DIR | --name NAME) [--test FILE] [--method METHOD] [flags]',
  about: `A data file is JSON lines {"text": ..., "label": ...}, a JSON array, CSV, TSV or the format of fastText,
plain or .gz. docs/data.md describes what is read. Columns with usual names, such as review and
sentiment, are recognized; --text-column and --label-column choose others.
Ctrl-C saves the state and prints the command that continues the training. The result is the same as
without the interruption. The output folder has the layout of PEFT (lora, soft-prompt, ia3, prefix),
AdapterHub (bottleneck) or Hugging Face (full), and a graft.json; --style chooses another library.

With --profile, ONNX Runtime traces every kernel for four steps, on the threads of the training. The
last three steps are measured, and the tracing itself is part of the measurement. The flame graph is
OUT.speedscope.json. Open it at https://www.speedscope.app.`,
  examples: [
    'graft train --data train.jsonl.gz --test test.jsonl.gz --out film-lora',
    'graft train --method bottleneck --bottleneck 8 --data train.jsonl --out film-adapter',
    'graft train --data train.jsonl.gz --name mine',
    'graft train --data train.jsonl --out film-lora --plan',
    'graft train --data train.jsonl --out film-lora --profile',
    'graft train --from-adapter film-lora --data more.jsonl --out film-more',
    'graft train --resume --out film-lora',
  ],
  flags: {
    Flags: { ...commandFlags, ...trainingFields.shape },
    ...Object.fromEntries(
      Object.entries(fieldsByMethod).map(([method, fields]) => [`Flags for --method ${method}`, fields]),
    ),
  },
  async run({ json, plan, profile, resume, config, ...flags }) {
    if (plan && profile) throwBothDryRuns()
    if (flags.name !== undefined) {
      const fields = { ...(await readConfig(config)), ...flags, resume, profile }
      const { trainOnStore } = await import('../store/train-on-store.ts')
      return trainOnStore({ fields, plan: plan === true, json: json === true })
    }
    const fields = { ...(await readConfig(config)), ...flags }
    if (resume) rejectDryRun({ plan, profile })
    const progress = makeProgress()
    if (typeof fields.base === 'string') fields.base = await fetchBase(fields.base, progress)
    const spec = resume ? resumeSpec(fields) : await readTrainingSpec(fields)
    const listen = makeTrainingListener(progress)
    const signal = saveOnSignal(progress)
    if (plan) {
      const { plan: planned, estimate } = await dryRunTraining(spec, listen, signal)
      return printResult(json, { ...planned, estimate }, formatEstimate(estimate))
    }
    if (profile) {
      const measured = await profileTraining(spec, listen, signal)
      return printResult(json, measured, formatProfile(measured))
    }
    const result = await runTraining(spec, listen, signal, resume === true)
    const { metrics, curve: _, ...short } = result
    const {
      checkpoint,
      steps,
      trainable,
      total,
      seconds,
      reviews_per_second,
      loss,
      accuracy,
      calibration,
      skipped,
      findings,
    } = short
    printResult(json, short, [
      `${checkpoint}`,
      `${formatCount(steps)} steps in ${formatDuration(seconds)}, ${reviews_per_second.toFixed(1)} reviews/s; final loss ${loss.toFixed(4)}`,
      `${formatCount(trainable)} of ${formatCount(total)} parameters trained`,
      formatCalibration(calibration),
      ...formatSkipped(skipped),
      ...(accuracy !== undefined && metrics
        ? [
            `accuracy ${formatPercent(accuracy)} on ${formatCount(metrics.n)} reviews, 95 % interval ${metrics.interval.map(formatPercent).join(' to ')}`,
          ]
        : []),
      ...formatFindings(warningsOf(findings)),
    ])
  },
}

const throwBothDryRuns = (): never =>
  fail('usage', {
    subject: '--profile',
    problem: 'cannot be combined with --plan',
    fix: 'Use only one of them.',
  })

/** @throws GraftError `usage` for a flag that measures but does not train */
function rejectDryRun(flags: Readonly<Record<string, unknown>>): void {
  const flag = Object.keys(flags).find((name) => flags[name] === true)
  if (flag !== undefined)
    fail('usage', { subject: `--${flag}`, problem: 'cannot be combined with --resume', fix: 'Use only one of them.' })
}

async function readConfig(path: unknown): Promise<Record<string, unknown>> {
  if (path === undefined) return {}
  const value = await readYamlFile(String(path))
  for (const field of Object.keys(value)) requireTrainingField(field, `${path}, ${field}`)
  return value
}
