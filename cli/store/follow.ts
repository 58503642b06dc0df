import { setTimeout as sleep } from 'node:timers/promises'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { GraftError } from '../../core/errors.ts'
import type { Training } from '../../platform/schemas/trainings.ts'
import type { TrainingEvent } from '../../platform/use-cases/train.ts'
import type { Progress } from '../progress.ts'
import { tellTraining } from '../training-progress.ts'
import { type Api, getJson } from './api.ts'

const ENDED = ['succeeded', 'failed', 'cancelled']

/**
 * Tells what happens in a training until it ends or is paused. A connection that breaks is made again, and nothing is told twice.
 * @param signal stops telling; the training goes on
 */
export async function followTraining(api: Api, id: string, progress: Progress, signal: AbortSignal): Promise<Training> {
  const tell = tellTraining(progress)
  let last = 0
  for (;;) {
    try {
      last = await tellEvents(api, id, last, tell, signal)
    } catch (error) {
      if (error instanceof GraftError && error.code !== 'server_unreachable') throw error
    }
    if (signal.aborted) return getJson<Training>(api, `/v1/trainings/${id}`)
    const training = await getJson<Training>(api, `/v1/trainings/${id}`)
    if (ENDED.includes(training.status) || training.status === 'paused') {
      progress.end()
      return training
    }
    await sleep(500, undefined, { signal }).catch(() => {})
  }
}

/** @returns the number of the last event that was told */
async function tellEvents(
  api: Api,
  id: string,
  last: number,
  tell: (event: TrainingEvent) => void,
  signal: AbortSignal,
): Promise<number> {
  const response = await api.request(`/v1/trainings/${id}/events`, {
    headers: { accept: 'text/event-stream', 'last-event-id': String(last) },
    signal,
  })
  const events = response.body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream()) ?? []
  for await (const { id: number, data } of events) {
    last = Number(number ?? last)
    const { event } = JSON.parse(data) as { event: TrainingEvent | { type: 'status'; status: string } }
    if (event.type !== 'status') tell(event)
    else if (event.status === 'paused') return last
  }
  return last
}
