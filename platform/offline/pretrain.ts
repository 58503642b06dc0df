import { fail } from '../../core/errors.ts'
import type { TrainingEvent } from '../../training/events.ts'
import type { PretrainingSpec } from '../../training/pretraining/config.ts'
import type { PretrainingResult } from '../../training/pretraining/save-base.ts'
import { baseFolder } from './bases.ts'
import { earlyExitError } from './start-child.ts'
import { runTrainingProcess } from './training-process.ts'

const NEXT_STEP = 'Run the same command again to continue from the last saved state.'

/**
 * Pretrains a base in a child process, so that this one is not blocked.
 * @param signal asks the pretraining to save its state and stop
 * @throws GraftError the error of the pretraining; `interrupted` once its state is saved; `training_failed` if the
 *   process exits early
 */
export async function pretrain(
  spec: PretrainingSpec,
  listen: (event: TrainingEvent) => void,
  signal: AbortSignal,
): Promise<PretrainingResult> {
  const last = await runTrainingProcess(
    { kind: 'pretrain', spec: { ...spec, start: await baseFolder(spec.start) } },
    listen,
    signal,
  )
  if (last?.type === 'pretrained') return last.result
  if (last?.type === 'interrupted')
    fail('interrupted', {
      subject: 'the pretraining',
      problem: 'was interrupted',
      fix: `Its state is saved. ${NEXT_STEP}`,
    })
  throw earlyExitError('training_failed', 'pretraining', NEXT_STEP)
}
