import { isActive } from '../../platform/schemas/statuses.ts'
import type { Training } from '../../platform/schemas/trainings.ts'
import type { Progress } from '../progress.ts'
import { makeTrainingListener, type StreamedEvent } from '../training-progress.ts'
import type { Api } from './api.ts'

/**
 * Shows the events of a training until it ends or is paused. Shows no event twice.
 * @param signal stops following; the training continues
 */
export async function followTraining(api: Api, id: string, progress: Progress, signal: AbortSignal): Promise<Training> {
  const listen = makeTrainingListener(progress)
  for (let after = 0; ; ) {
    for await (const { number, event } of api.trainings.follow(id, { after, signal })) {
      after = number
      if (event.type !== 'status') listen(event as StreamedEvent)
      else if (event.status === 'paused') break
    }
    const training = await api.trainings.get(id)
    if (signal.aborted) return training
    if (isActive(training)) continue
    progress.finish()
    return training
  }
}
