import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { expect, test, vi } from 'vitest'
import { type NumberedEvent, openEventStream } from '../../server/event-stream.ts'

const toNumbered = (number: number, type = 'step'): NumberedEvent => ({ number, event: { type } })

function open(
  start: (signal: AbortSignal) => AsyncIterable<NumberedEvent>,
  { heartbeatSeconds = 60, shutdown = new AbortController() } = {},
) {
  const errors: unknown[] = []
  const options = {
    shutdown: shutdown.signal,
    heartbeatSeconds,
    onError: (error: unknown) => errors.push(error),
  }
  return { stream: openEventStream(start, options), shutdown, errors }
}

async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return new Response(stream).text()
}

function parse(text: string): { events: EventSourceMessage[]; comments: number; retry?: number } {
  const parsed = { events: [] as EventSourceMessage[], comments: 0, retry: undefined as number | undefined }
  const parser = createParser({
    onEvent: (event) => parsed.events.push(event),
    onComment: () => parsed.comments++,
    onRetry: (retry) => {
      parsed.retry = retry
    },
  })
  parser.feed(text)
  return parsed
}

/** Waits until the signal aborts. */
const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))

test('events have their numbers, types and data, and the stream ends after the last event', async () => {
  const { stream } = open(async function* () {
    yield toNumbered(3)
    yield { number: 4, event: { type: 'done', text: 'two\nlines and – dashes' } } as NumberedEvent
  })
  const { events, retry } = parse(await textOf(stream))
  expect(events.map(({ id, event, data }) => [id, event, JSON.parse(data)])).toEqual([
    ['3', 'step', { type: 'step' }],
    ['4', 'done', { type: 'done', text: 'two\nlines and – dashes' }],
  ])
  expect(retry).toBe(2000)
})

test('comments keep the connection alive between events, and no event is lost', async () => {
  const { stream } = open(
    async function* () {
      await new Promise((resolve) => setTimeout(resolve, 250))
      yield toNumbered(1)
    },
    { heartbeatSeconds: 0.05 },
  )
  const { events, comments } = parse(await textOf(stream))
  expect(comments).toBeGreaterThanOrEqual(2)
  expect(events.map(({ id }) => id)).toEqual(['1'])
})

test('the stream and its source end when the server shuts down', async () => {
  let stopped = false
  const { stream, shutdown } = open(async function* (signal) {
    yield toNumbered(1)
    await untilAborted(signal)
    stopped = true
  })
  setTimeout(() => shutdown.abort(), 50)
  expect(parse(await textOf(stream)).events).toHaveLength(1)
  expect(stopped).toBe(true)
})

test('a stream ends at once if the server is already shutting down', async () => {
  const shutdown = new AbortController()
  shutdown.abort()
  const { stream } = open(
    async function* (signal) {
      await untilAborted(signal)
      yield toNumbered(1)
    },
    { shutdown },
  )
  expect(parse(await textOf(stream)).events).toEqual([])
})

test('the source ends when the client disconnects', async () => {
  let stopped = false
  const { stream, errors } = open(async function* (signal) {
    await untilAborted(signal)
    stopped = true
    yield toNumbered(1)
  })
  const reader = stream.getReader()
  await reader.read()
  const waiting = reader.read()
  await reader.cancel()
  await waiting
  await vi.waitFor(() => expect(stopped).toBe(true))
  expect(errors).toEqual([])
})

test('a client that does not read slows down the source', async () => {
  let produced = 0
  const { stream } = open(async function* () {
    for (;;) yield toNumbered(++produced)
  })
  const reader = stream.getReader()
  for (let i = 0; i < 3; i++) await reader.read()
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(produced).toBeLessThan(6)
  await reader.cancel()
})

test('an error of the source ends the stream and is reported', async () => {
  const { stream, errors } = open(async function* () {
    yield toNumbered(1)
    throw new Error('the store is gone')
  })
  expect(parse(await textOf(stream)).events).toHaveLength(1)
  expect(errors).toMatchObject([{ message: 'the store is gone' }])
})
