import { setTimeout as sleep } from 'node:timers/promises'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { GraftError } from '../../core/errors.ts'
import { isActive } from '../../platform/schemas/statuses.ts'
import type { Training } from '../../platform/schemas/trainings.ts'
import type { Progress } from '../progress.ts'
import { makeTrainingListener, type StreamedEvent } from '../training-progress.ts'
import { type Api, getJson } from './api.ts'

const RETRY_INTERVAL_MS = 500

/**
 * Shows the events of a training until it ends or is paused. Reconnects if the connection breaks. Shows no event twice.
 * @param signal stops following; the training continues
 */
export async function followTraining(api: Api, id: string, progress: Progress, signal: AbortSignal): Promise<Training> {
  const listen = makeTrainingListener(progress)
  let last = 0
  for (;;) {
    for await (const { number, event } of eventsAfter(api, id, last, signal)) {
      last = number
      if (event.type !== 'status') listen(event)
      else if (event.status === 'paused') break
    }
    const training = await getJson<Training>(api, `/v1/trainings/${id}`)
    if (signal.aborted) return training
    if (!isActive(training)) {
      progress.finish()
      return training
    }
    await sleep(RETRY_INTERVAL_MS, undefined, { signal }).catch(() => {})
  }
}

interface NumberedEvent {
  number: number
  event: StreamedEvent | { type: 'status'; status: string }
}

/** Yields events until the training ends, the connection breaks or `signal` aborts. */
async function* eventsAfter(api: Api, id: string, last: number, signal: AbortSignal): AsyncGenerator<NumberedEvent> {
  const headers = { accept: 'text/event-stream', 'last-event-id': String(last) }
  const stream = await api
    .request(`/v1/trainings/${id}/events`, { headers, signal })
    .then(({ body }) => body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream()))
    .catch((error) => {
      if (error instanceof GraftError && error.code !== 'server_unreachable') throw error
    })
  const reader = stream?.getReader()
  if (!reader) return
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }))
      if (done || !value) return
      yield { number: Number(value.id), event: JSON.parse(value.data) }
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}
