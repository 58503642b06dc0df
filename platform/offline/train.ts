import { fail } from '../../core/errors.ts'
import { methodNamed, methods, shapeOf } from '../../model/methods/registry.ts'
import type { Estimate, Plan, TrainingEvent, TrainingResult } from '../../training/events.ts'
import type { Profile } from '../../training/profile/profile.ts'
import type { TrainingSpec } from '../../training/spec.ts'
import { inChild } from './training-process.ts'

export { parseMethod } from '../../model/methods/registry.ts'
export type { TrainingEvent, TrainingResult } from '../../training/events.ts'
export type { Profile } from '../../training/profile/profile.ts'
export { parseTrainingSpec, type TrainingSpec, trainingFields } from '../../training/spec.ts'
export { savedSpec } from '../../training/state/state-folder.ts'

/** The peak learning rate of a method where none is asked for. @throws GraftError `method_invalid` */
export const learningRateOf = (method: string): number => methodNamed(method).learningRate

/** The fields of each method's configuration, by the method's name. */
export const methodFields = Object.fromEntries(Object.keys(methods).map((method) => [method, shapeOf(method)]))

type Listen = (event: TrainingEvent) => void

/**
 * Trains in a child process, so that nothing here is blocked.
 * @param signal asks the training to save its state and stop
 * @throws GraftError what the training failed of; `interrupted` once the state is saved; `training_failed` where the child was killed
 */
export async function train(
  spec: TrainingSpec,
  listen: Listen,
  signal: AbortSignal,
  resume = false,
): Promise<TrainingResult> {
  const last = await inChild({ kind: 'train', spec, resume }, listen, signal)
  if (last?.type === 'done') return last.result
  if (last?.type === 'interrupted')
    fail('interrupted', {
      subject: 'the training',
      expected: 'to run to its end',
      found: 'an interrupt',
      fix: `Its state is saved; go on with: ${resumeCommand(spec)}`,
    })
  return fail('training_failed', {
    subject: 'the training process',
    expected: 'to run to its end',
    found: 'its end before that',
    fix: `It may have run out of memory (try a smaller --threads). Go on from the last saved state with: ${resumeCommand(spec)}`,
  })
}

/** The dry run: reads and checks everything, measures two steps, writes nothing. */
export async function planTraining(
  spec: TrainingSpec,
  listen: Listen,
  signal: AbortSignal,
): Promise<{ plan: Plan; estimate: Estimate }> {
  const last = await inChild({ kind: 'plan', spec }, listen, signal)
  if (last?.type === 'estimate') return last
  return fail('training_failed', {
    subject: 'the dry run',
    expected: 'two steps',
    found: 'its end before that',
    fix: 'Try a smaller --threads: it may have run out of memory.',
  })
}

/** Tells where the time of a step goes, measured on a few; writes a flame graph beside `spec.out` and nothing else. */
export async function profileTraining(spec: TrainingSpec, listen: Listen, signal: AbortSignal): Promise<Profile> {
  const last = await inChild({ kind: 'profile', spec }, listen, signal)
  if (last?.type === 'profile') return last.profile
  return fail('training_failed', {
    subject: 'the profile',
    expected: 'some steps',
    found: 'its end before that',
    fix: 'Try a smaller --threads: it may have run out of memory.',
  })
}

const resumeCommand = ({ out }: TrainingSpec): string => `graft train --resume --out ${JSON.stringify(out)}`
