import { requireSuccess } from '../../client/http.ts'
import { fail } from '../../core/errors.ts'
import type { Training } from '../../platform/schemas/trainings.ts'
import type { Progress } from '../progress.ts'
import type { Api } from './api.ts'
import { followTraining } from './follow.ts'

/**
 * Follows a training to its end. An interrupt pauses a training in this process. A training on a server continues.
 * @throws GraftError the error of the training; `interrupted` if it was paused or is no longer followed
 */
export async function followToEnd(api: Api, id: string, progress: Progress): Promise<Training> {
  const detach = new AbortController()
  const stop = () => {
    if (api.url) return detach.abort()
    progress.writeLine('Saving the state …')
    api.trainings.pause(id).catch(() => detach.abort())
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  try {
    const training = await followTraining(api, id, progress, detach.signal)
    const { status } = training
    requireSuccess(training)
    if (status === 'succeeded' || status === 'cancelled') return training
    return fail('interrupted', {
      subject: `the training ${training.name ?? id}`,
      problem: status === 'paused' ? 'was paused' : 'is no longer followed',
      fix:
        status === 'paused'
          ? `Its state is saved. To continue, run: graft trainings resume ${id}`
          : `It continues on the server. Run graft trainings follow ${id}, or graft trainings cancel ${id}`,
    })
  } finally {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
}
