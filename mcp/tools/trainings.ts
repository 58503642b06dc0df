import { z } from 'zod'
import type { Platform } from '../../platform/platform.ts'
import { exactObject, idOrName } from '../../platform/schemas/common.ts'
import { isActive, type TrainingProgress } from '../../platform/schemas/statuses.ts'
import type { Training } from '../../platform/schemas/trainings.ts'
import { pollTraining } from '../../platform/use-cases/poll.ts'
import { cancelTraining as cancel, getTraining as get } from '../../platform/use-cases/trainings.ts'
import { retryKey } from '../arguments.ts'
import { type Detail, describeWarnings, detail, summarizeTraining } from '../summary.ts'
import { type CallContext, defineTool, type NextCall, READ_ONLY, type ToolResult } from '../tool.ts'
import { pollUntilDone, waitSeconds } from '../wait.ts'
import { titleOf, waitCall } from './launch-training.ts'
import { object } from './results.ts'

const training = idOrName('a training').describe('Id of a training, or name of its adapter.')
const output = z.object({ training: object })

export const getTraining = defineTool({
  name: 'get_training',
  title: 'Get a training',
  description:
    'Get the status and progress of a training, and its adapter and accuracy or its error once it has ended. With wait_seconds the call returns when the training ends or pauses, or after that time. Call again until it has ended.',
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
  input: exactObject({ training, idempotency_key: retryKey, detail }),
  output,
  scope: 'train',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  example: { training: 'film-lora' },
  async run(platform, { training, idempotency_key: key, detail }, { caller }) {
    return toTrainingResult(await cancel(platform, training, key === undefined ? undefined : { caller, key }), detail)
  },
})

/** Waits until the training ends or pauses, or until the time is up, and reports its progress meanwhile. */
async function waitForEnd(
  platform: Platform,
  idOrName: string,
  seconds: number,
  context: CallContext,
): Promise<Training> {
  let lastStep = -1
  const report = async ({ progress }: Training) => {
    if (!progress || progress.step <= lastStep) return
    lastStep = progress.step
    await context.reportProgress(progress.step, progress.total_steps, describeRemaining(progress))
  }
  const current = await get(platform, idOrName)
  return pollUntilDone(current, (id) => pollTraining(platform, id), seconds, context, report)
}

export function toTrainingResult(training: Training, detail: Detail): ToolResult<{ training: object }> {
  const next = nextCallOf(training)
  return {
    summary: `${titleOf(training)} ${describeTraining(training)}`,
    ...(next && { next }),
    structured: { training: detail === 'full' ? training : summarizeTraining(training) },
  }
}

const describeRemaining = ({ seconds_left, loss }: TrainingProgress): string =>
  `${Math.ceil(seconds_left)} s left, loss ${loss.toPrecision(3)}`

/** Describes the progress of a training that has not ended. */
export const describeProgress = ({ status, progress }: Training): string =>
  status === 'running' && progress
    ? `step ${progress.step} of ${progress.total_steps}, ${describeRemaining(progress)}`
    : status

/** Returns the predicate of a sentence about a training. */
function describeTraining({ status, progress, result, error }: Training): string {
  if (status === 'queued') return 'is waiting for a worker.'
  if (status === 'running')
    return progress
      ? `is at step ${progress.step} of ${progress.total_steps}, ${Math.ceil(progress.seconds_left)} s left.`
      : 'has started.'
  if (status === 'failed') return `failed. ${error?.detail} ${error?.fix}`
  if (status !== 'succeeded') return `is ${status}.`
  const accuracy = typeof result?.accuracy === 'number' ? ` Accuracy ${(100 * result.accuracy).toFixed(1)} %.` : ''
  const warnings = describeWarnings(result?.findings as Parameters<typeof describeWarnings>[0])
  return [`succeeded.${accuracy}`, ...warnings].join(' ')
}

/** Returns the call that waits for a training, or that tries its adapter. */
function nextCallOf(training: Training): NextCall | undefined {
  const { name, status, adapter } = training
  if (isActive(training)) return waitCall(training)
  return status === 'succeeded'
    ? { tool: 'classify_reviews', arguments: { reviews: ['…'], adapter: name ?? adapter } }
    : undefined
}
