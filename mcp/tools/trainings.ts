import { z } from 'zod'
import type { Platform } from '../../platform/platform.ts'
import { idempotencyKey, only, reference } from '../../platform/schemas/common.ts'
import type { TrainingProgress } from '../../platform/schemas/statuses.ts'
import type { Training } from '../../platform/schemas/trainings.ts'
import { cancelTraining as cancel, getTraining as get } from '../../platform/use-cases/trainings.ts'
import { type Detail, detail, shortTraining } from '../summary.ts'
import { type Call, READS, type ToolAnswer, tool } from '../tool.ts'
import { LONGEST, waited, waitSeconds } from '../wait.ts'
import { briefTraining, nameOf } from './launch-training.ts'

const training = reference('a training').describe('its id, or the name of its adapter')
const output = z.strictObject({ training: briefTraining })

export const getTraining = tool({
  name: 'get_training',
  title: 'Look at a training',
  description: `Tells the status of a training, how far it is, its adapter and accuracy when it has succeeded, its error when it has failed. With wait_seconds it answers when the training has ended, or after that time; call again until it has. Progress is told meanwhile to a client that sends a progress token.`,
  input: only({
    training,
    wait_seconds: waitSeconds.default(0),
    detail,
  }),
  output,
  scope: 'train',
  annotations: READS,
  example: { training: 'film-lora', wait_seconds: 30 },
  async run(platform, { training, wait_seconds, detail }, call) {
    return trainingAnswer(await ended(platform, training, wait_seconds, call), detail)
  },
})

export const cancelTraining = tool({
  name: 'cancel_training',
  title: 'Cancel a training',
  description: 'Ends a training for good; what it has saved is not kept. One that has ended cannot be cancelled.',
  input: only({ training, idempotency_key: idempotencyKey.optional(), detail }),
  output,
  scope: 'train',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  example: { training: 'film-lora' },
  async run(platform, { training, idempotency_key: key, detail }, { caller }) {
    return trainingAnswer(await cancel(platform, training, key === undefined ? undefined : { caller, key }), detail)
  },
})

/** The training once it has ended or paused, or as it is when that takes too long. */
function ended(platform: Platform, name: string, seconds: number, call: Call): Promise<Training> {
  let told = -1
  const tell = async ({ progress }: Training) => {
    if (!progress || progress.step <= told) return
    told = progress.step
    await call.tell(progress.step, progress.total_steps, leftInWords(progress))
  }
  return waited(() => get(platform, name), seconds, call, tell)
}

export function trainingAnswer(training: Training, detail: Detail): ToolAnswer<z.input<typeof output>> {
  return {
    structured: { training: detail === 'full' ? training : shortTraining(training) },
    text: `${nameOf(training)} ${inWords(training)}`,
  }
}

const leftInWords = ({ seconds_left, loss }: TrainingProgress): string =>
  `${Math.ceil(seconds_left)} s left, loss ${loss.toPrecision(3)}`

/** What a training that has not ended is at. */
export const progressInWords = ({ status, progress }: Training): string =>
  status === 'running' && progress
    ? `step ${progress.step} of ${progress.total_steps}, ${leftInWords(progress)}`
    : status

function inWords({ status, progress, result, adapter, error, id }: Training): string {
  const again = `Wait for it: get_training ${JSON.stringify({ training: id, wait_seconds: LONGEST })}`
  if (status === 'queued') return `waits for a worker. ${again}`
  if (status === 'running')
    return progress
      ? `is at step ${progress.step} of ${progress.total_steps}, ${Math.ceil(progress.seconds_left)} s left. ${again}`
      : `has begun. ${again}`
  if (status === 'failed') return `has failed. ${error?.detail} ${error?.fix}`
  if (status !== 'succeeded') return `is ${status}.`
  const accuracy = typeof result?.accuracy === 'number' ? ` Accuracy ${(100 * result.accuracy).toFixed(1)} %.` : ''
  return `has succeeded.${accuracy} Try its adapter: classify_reviews ${JSON.stringify({ reviews: ['…'], adapter })}`
}
