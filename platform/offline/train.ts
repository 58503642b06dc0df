import { loadBase } from '../../checkpoint/base.ts'
import { fail } from '../../core/errors.ts'
import { modelOf } from '../../model/architectures.ts'
import { addAdapterSettings } from '../../training/continue-adapter.ts'
import type { Estimate, Plan, TrainingEvent, TrainingResult } from '../../training/events.ts'
import type { Profile } from '../../training/profile/profile.ts'
import { parseTrainingSpec, type TrainingSpec } from '../../training/spec.ts'
import { baseFolder } from './bases.ts'
import { earlyExitError } from './start-child.ts'
import { runTrainingProcess } from './training-process.ts'

/**
 * Returns the specification of a training from fields in snake_case. Fields of the adapter that it continues from, if
 * there is one, are read from its folder.
 * @throws GraftError `usage`, `method_invalid`; `file_missing`, `checkpoint_config` or `checkpoint_corrupt` for the
 *   adapter or the base
 */
export async function readTrainingSpec(fields: Readonly<Record<string, unknown>>): Promise<TrainingSpec> {
  const { from_adapter, base } = fields
  if (typeof from_adapter !== 'string') return parseTrainingSpec(fields)
  const folder = await baseFolder(base as string | undefined)
  const settings = await addAdapterSettings(fields, from_adapter, modelOf(await loadBase(folder)))
  return parseTrainingSpec(base === undefined ? settings : { ...settings, base: folder })
}

type Listen = (event: TrainingEvent) => void

/**
 * Trains in a child process, so that this one is not blocked.
 * @param signal asks the training to save its state and stop
 * @throws GraftError the error of the training; `interrupted` once its state is saved; `training_failed` if the process
 *   exits early
 */
export async function train(
  spec: TrainingSpec,
  listen: Listen,
  signal: AbortSignal,
  resume = false,
): Promise<TrainingResult> {
  const last = await runTrainingProcess({ kind: 'train', spec: await withBaseFolder(spec), resume }, listen, signal)
  if (last?.type === 'done') return last.result
  if (last?.type === 'interrupted')
    fail('interrupted', {
      subject: 'the training',
      problem: 'was interrupted',
      fix: `Its state is saved. To continue, run: ${resumeCommand(spec)}`,
    })
  throw earlyExitError(
    'training_failed',
    'training',
    `To continue from the last saved state, run: ${resumeCommand(spec)}`,
  )
}

/** Checks everything that a training would read, and measures two steps. Writes nothing. */
export async function dryRunTraining(
  spec: TrainingSpec,
  listen: Listen,
  signal: AbortSignal,
): Promise<{ plan: Plan; estimate: Estimate }> {
  const last = await runTrainingProcess({ kind: 'dry_run', spec: await withBaseFolder(spec) }, listen, signal)
  if (last?.type === 'estimate') return last
  throw earlyExitError('training_failed', 'dry-run')
}

/** Runs a few steps and measures where their time goes. Writes a flame graph next to `spec.out`, and nothing else. */
export async function profileTraining(spec: TrainingSpec, listen: Listen, signal: AbortSignal): Promise<Profile> {
  const last = await runTrainingProcess({ kind: 'profile', spec: await withBaseFolder(spec) }, listen, signal)
  if (last?.type === 'profile') return last.profile
  throw earlyExitError('training_failed', 'profiling')
}

const withBaseFolder = async (spec: TrainingSpec): Promise<TrainingSpec> =>
  spec.base === undefined ? spec : { ...spec, base: await baseFolder(spec.base) }

const resumeCommand = ({ out }: TrainingSpec): string => `graft train --resume --out ${JSON.stringify(out)}`
