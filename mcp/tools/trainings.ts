import { z } from 'zod'
import type { Platform } from '../../platform/platform.ts'
import { exactObject, idempotencyKey, idOrName } from '../../platform/schemas/common.ts'
import type { TrainingProgress } from '../../platform/schemas/statuses.ts'
import type { Training } from '../../platform/schemas/trainings.ts'
import { cancelTraining as cancel, getTraining as get } from '../../platform/use-cases/trainings.ts'
import { type Detail, detail, summarizeTraining } from '../summary.ts'
import { type CallContext, defineTool, READ_ONLY, type ToolResult } from '../tool.ts'
import { pollUntilDone, waitSeconds } from '../wait.ts'
import { describeNextCall, partialTraining, titleOf } from './launch-training.ts'

const training = idOrName('a training').describe('Id of a training, or name of its adapter.')
const output = z.strictObject({ training: partialTraining })

export const getTraining = defineTool({
  name: 'get_training',
  title: 'Get a training',
  description:
    'Get the status and progress of a training. If it succeeded, the result has its adapter and accuracy. If it failed, the result has its error. With wait_seconds the call returns when the training ends or pauses, or after that time. Call again until it has ended. While it waits, the call sends progress to a client that passed a progress token.',
  input: exactObject({
    training,
    wait_seconds: waitSeconds.default(0),
    detail,
  }),
  output,
  scope: 'train',
  annotations: READ_ONLY,
  example: { training: 'film-lora', wait_seconds: 30 },
  async run(platform, { training, wait_seconds, detail }, context) {
    return toTrainingResult(await waitForEnd(platform, training, wait_seconds, context), detail)
  },
})

export const cancelTraining = defineTool({
  name: 'cancel_training',
  title: 'Cancel a training',
  description: 'Cancel a training for good. Its saved state is deleted. A training that has ended cannot be cancelled.',
  input: exactObject({ training, idempotency_key: idempotencyKey.optional(), detail }),
  output,
  scope: 'train',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  example: { training: 'film-lora' },
  async run(platform, { training, idempotency_key: key, detail }, { caller }) {
    return toTrainingResult(await cancel(platform, training, key === undefined ? undefined : { caller, key }), detail)
  },
})

/** Waits until the training ends or pauses, or until the time is up, and reports its progress meanwhile. */
function waitForEnd(platform: Platform, idOrName: string, seconds: number, context: CallContext): Promise<Training> {
  let lastStep = -1
  const report = async ({ progress }: Training) => {
    if (!progress || progress.step <= lastStep) return
    lastStep = progress.step
    await context.reportProgress(progress.step, progress.total_steps, describeRemaining(progress))
  }
  return pollUntilDone(() => get(platform, idOrName), seconds, context, report)
}

export function toTrainingResult(training: Training, detail: Detail): ToolResult<z.input<typeof output>> {
  return {
    structured: { training: detail === 'full' ? training : summarizeTraining(training) },
    text: `${titleOf(training)} ${describeTraining(training)}`,
  }
}

const describeRemaining = ({ seconds_left, loss }: TrainingProgress): string =>
  `${Math.ceil(seconds_left)} s left, loss ${loss.toPrecision(3)}`

/** Describes the progress of a training that has not ended. */
export const describeProgress = ({ status, progress }: Training): string =>
  status === 'running' && progress
    ? `step ${progress.step} of ${progress.total_steps}, ${describeRemaining(progress)}`
    : status

/** Returns the predicate of a sentence about a training, and what to call next. */
function describeTraining(training: Training): string {
  const { status, progress, result, adapter, error } = training
  if (status === 'queued') return `is waiting for a worker. ${describeNextCall(training)}`
  if (status === 'running')
    return progress
      ? `is at step ${progress.step} of ${progress.total_steps}, ${Math.ceil(progress.seconds_left)} s left. ${describeNextCall(training)}`
      : `has started. ${describeNextCall(training)}`
  if (status === 'failed') return `failed. ${error?.detail} ${error?.fix}`
  if (status !== 'succeeded') return `is ${status}.`
  const accuracy = typeof result?.accuracy === 'number' ? ` Accuracy ${(100 * result.accuracy).toFixed(1)} %.` : ''
  return `succeeded.${accuracy} To try its adapter, call: classify_reviews ${JSON.stringify({ reviews: ['…'], adapter })}`
}
