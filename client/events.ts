import { EventSourceParserStream } from 'eventsource-parser/stream'
import { GraftError } from '../core/errors.ts'
import type { Training, TrainingEventAnswer } from '../platform/schemas/trainings.ts'
import type { Http } from './http.ts'

const RETRY_INTERVAL_MS = 500

export interface FollowOptions {
  /** The number of the last event that is known already. Defaults to 0, which yields all events. */
  after?: number
  /** Stops following. The training continues. */
  signal?: AbortSignal
}

export type TrainingEvent = Pick<TrainingEventAnswer, 'number' | 'event'>

/** Yields the events of a training until it has ended. Reconnects if the connection breaks, and yields none twice. */
export async function* followEvents(
  http: Http,
  path: string,
  { after = 0, signal }: FollowOptions,
): AsyncGenerator<TrainingEvent, void, undefined> {
  for (let last = after; !signal?.aborted; ) {
    for await (const event of streamEvents(http, path, last, signal)) {
      last = event.number
      yield event
    }
    if (signal?.aborted) return
    const { status, last_event } = await http.get<Training>(path)
    const hasEnded = status === 'succeeded' || status === 'failed' || status === 'cancelled'
    if (hasEnded && last >= last_event) return
    await new Promise((resolve) => setTimeout(resolve, RETRY_INTERVAL_MS))
  }
}

/** Yields events until the training ends, the connection breaks or `signal` aborts. */
async function* streamEvents(
  http: Http,
  path: string,
  last: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<TrainingEvent> {
  const headers = { accept: 'text/event-stream', 'last-event-id': String(last) }
  const stream = await http
    .request(`${path}/events`, { headers, signal })
    .then(({ body }) => body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream()))
    .catch((error) => {
      if (signal?.aborted || (error instanceof GraftError && error.code === 'server_unreachable')) return
      throw error
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
