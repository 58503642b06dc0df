/** An event with its number in its sequence. */
export interface NumberedEvent {
  number: number
  event: { type: string }
}

export interface EventStreamOptions {
  /** Aborts when the server shuts down, which ends the stream before its last event. */
  shutdown: AbortSignal
  /** Seconds without an event after which a comment is sent to keep the connection alive. */
  heartbeatSeconds: number
  /** Receives the error if reading the events fails. The stream ends; the client reconnects for the rest. */
  onError(error: unknown): void
}

/** Milliseconds that a browser waits before it reconnects. */
const RETRY_MS = 2000

/**
 * Returns events as server-sent events: `id` is the number, `event` the type, `data` the event itself as JSON. The
 * stream ends after the last event. Each event is read only after the previous one was taken, so a slow reader slows
 * down the source.
 * @param start yields the events until its signal aborts
 */
export function openEventStream(
  start: (signal: AbortSignal) => AsyncIterable<NumberedEvent>,
  { shutdown, heartbeatSeconds, onError }: EventStreamOptions,
): ReadableStream<Uint8Array> {
  const ended = new AbortController()
  const iterator = start(ended.signal)[Symbol.asyncIterator]()
  const encoder = new TextEncoder()
  let next: Promise<IteratorResult<NumberedEvent>> | undefined
  let timer: NodeJS.Timeout | undefined
  let wake = () => {}
  let hasReader = true

  const end = () => {
    if (ended.signal.aborted) return
    ended.abort()
    clearTimeout(timer)
    wake()
    shutdown.removeEventListener('abort', end)
    iterator.return?.().catch(() => {})
  }
  shutdown.addEventListener('abort', end)
  if (shutdown.aborted) end()

  /** Returns the next event, or undefined if it does not come before the heartbeat is due or the stream has ended. */
  const nextUntilHeartbeat = async () => {
    if (ended.signal.aborted) return undefined
    next ??= iterator.next()
    const result = Promise.withResolvers<IteratorResult<NumberedEvent> | undefined>()
    wake = () => result.resolve(undefined)
    timer = setTimeout(wake, heartbeatSeconds * 1000)
    next.then(result.resolve, result.reject)
    return result.promise.finally(() => clearTimeout(timer))
  }

  return new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode(`retry: ${RETRY_MS}\n\n`)),
    async pull(controller) {
      try {
        const result = await nextUntilHeartbeat()
        if (!ended.signal.aborted && !result?.done) {
          if (result) next = undefined
          return controller.enqueue(encoder.encode(result ? formatEvent(result.value) : ':\n\n'))
        }
      } catch (error) {
        onError(error)
      }
      end()
      if (hasReader) controller.close()
    },
    cancel() {
      hasReader = false
      end()
    },
  })
}

// JSON contains no raw line breaks, so the data fits on one line.
const formatEvent = ({ number, event }: NumberedEvent): string =>
  `id: ${number}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
