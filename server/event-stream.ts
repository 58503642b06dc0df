/** One thing that happened, with its number among those of its kind. */
export interface NumberedEvent {
  number: number
  event: { type: string }
}

export interface EventStreamOptions {
  /** Aborts when the stream shall end before its events do. */
  closing: AbortSignal
  /** Seconds without an event after which a comment tells that the connection lives. */
  heartbeatSeconds: number
  /** Hears what made the events end before their time; a client comes back for the rest. */
  onError(error: unknown): void
  /** Called once, however the stream ends. */
  onEnd(): void
}

/** Browsers wait so many milliseconds before they connect again. */
const RETRY = 2000

/**
 * Events as server-sent events: `id` is the number, `event` the type, `data` itself as JSON. Ends after the last event. An event is asked for
 * when the one before has been taken, so a slow reader holds back what it reads.
 * @param start gives the events until its signal aborts
 */
export function eventStream(
  start: (signal: AbortSignal) => AsyncIterable<NumberedEvent>,
  { closing, heartbeatSeconds, onError, onEnd }: EventStreamOptions,
): ReadableStream<Uint8Array> {
  const enough = new AbortController()
  const iterator = start(enough.signal)[Symbol.asyncIterator]()
  const encoder = new TextEncoder()
  let next: Promise<IteratorResult<NumberedEvent>> | undefined
  let timer: NodeJS.Timeout | undefined
  let wake = () => {}
  let isRead = true

  const end = () => {
    if (enough.signal.aborted) return
    enough.abort()
    clearTimeout(timer)
    wake()
    closing.removeEventListener('abort', end)
    iterator.return?.().catch(() => {})
    onEnd()
  }
  closing.addEventListener('abort', end)
  if (closing.aborted) end()

  /** The next event, or undefined where it does not come in time, or nobody waits for it any more. */
  const nextInTime = async () => {
    if (enough.signal.aborted) return undefined
    next ??= iterator.next()
    const waited = Promise.withResolvers<IteratorResult<NumberedEvent> | undefined>()
    wake = () => waited.resolve(undefined)
    timer = setTimeout(wake, heartbeatSeconds * 1000)
    next.then(waited.resolve, waited.reject)
    return waited.promise.finally(() => clearTimeout(timer))
  }

  return new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode(`retry: ${RETRY}\n\n`)),
    async pull(controller) {
      try {
        const step = await nextInTime()
        if (!enough.signal.aborted && !step?.done) {
          if (step) next = undefined
          return controller.enqueue(encoder.encode(step ? frame(step.value) : ':\n\n'))
        }
      } catch (error) {
        onError(error)
      }
      end()
      if (isRead) controller.close()
    },
    cancel() {
      isRead = false
      end()
    },
  })
}

// JSON has no bare line breaks, so the data are one line.
const frame = ({ number, event }: NumberedEvent): string =>
  `id: ${number}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
