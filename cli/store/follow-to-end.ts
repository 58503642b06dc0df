import { fail } from '../../core/errors.ts'
import type { Training } from '../../platform/schemas/trainings.ts'
import type { Progress } from '../progress.ts'
import { type Api, postJson, requireSuccess } from './api.ts'
import { followTraining } from './follow.ts'

/**
 * Follows a training to its end. An interrupt leaves a server's training alone, and pauses one that this process trains.
 * @throws GraftError why it failed; `interrupted` where it was paused or is no longer followed
 */
export async function followToEnd(api: Api, id: string, progress: Progress): Promise<Training> {
  const leave = new AbortController()
  const stop = () => {
    if (api.url) return leave.abort()
    progress.say('Saving the state …')
    postJson(api, `/v1/trainings/${id}/pause`).catch(() => leave.abort())
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  try {
    const training = await followTraining(api, id, progress, leave.signal)
    const { status } = training
    requireSuccess(training)
    if (status === 'succeeded' || status === 'cancelled') return training
    return fail('interrupted', {
      subject: `the training ${training.name ?? id}`,
      expected: 'its end',
      found: status === 'paused' ? 'that it was paused' : 'an interrupt',
      fix:
        status === 'paused'
          ? `Its state is saved; go on with: graft trainings resume ${id}`
          : `It goes on in the server: graft trainings follow ${id}, or graft trainings cancel ${id}`,
    })
  } finally {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
}
