import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { expect, test, vi } from 'vitest'
import { eventStream, type NumberedEvent } from '../../server/event-stream.ts'

const numbered = (number: number, type = 'step'): NumberedEvent => ({ number, event: { type } })

function open(
  start: (signal: AbortSignal) => AsyncIterable<NumberedEvent>,
  { heartbeatSeconds = 60, closing = new AbortController() } = {},
) {
  const errors: unknown[] = []
  const onEnd = vi.fn()
  const options = { closing: closing.signal, heartbeatSeconds, onError: (error: unknown) => errors.push(error), onEnd }
  return { stream: eventStream(start, options), closing, errors, onEnd }
}

async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return new Response(stream).text()
}

function parsed(text: string): { events: EventSourceMessage[]; comments: number; retry?: number } {
  const seen = { events: [] as EventSourceMessage[], comments: 0, retry: undefined as number | undefined }
  const parser = createParser({
    onEvent: (event) => seen.events.push(event),
    onComment: () => seen.comments++,
    onRetry: (retry) => {
      seen.retry = retry
    },
  })
  parser.feed(text)
  return seen
}

/** Waits for ever, unless the signal aborts. */
const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))

test('events come with their numbers, types and content, and the stream ends after the last', async () => {
  const { stream, onEnd } = open(async function* () {
    yield numbered(3)
    yield { number: 4, event: { type: 'done', text: 'two\nlines and – dashes' } } as NumberedEvent
  })
  const { events, retry } = parsed(await textOf(stream))
  expect(events.map(({ id, event, data }) => [id, event, JSON.parse(data)])).toEqual([
    ['3', 'step', { type: 'step' }],
    ['4', 'done', { type: 'done', text: 'two\nlines and – dashes' }],
  ])
  expect(retry).toBe(2000)
  expect(onEnd).toHaveBeenCalledOnce()
})

test('while nothing happens a comment tells that the connection lives, and no event is lost over it', async () => {
  const { stream } = open(
    async function* () {
      await new Promise((resolve) => setTimeout(resolve, 250))
      yield numbered(1)
    },
    { heartbeatSeconds: 0.05 },
  )
  const { events, comments } = parsed(await textOf(stream))
  expect(comments).toBeGreaterThanOrEqual(2)
  expect(events.map(({ id }) => id)).toEqual(['1'])
})

test('when the server closes, the stream ends and the events are stopped', async () => {
  let stopped = false
  const { stream, closing, onEnd } = open(async function* (signal) {
    yield numbered(1)
    await untilAborted(signal)
    stopped = true
  })
  setTimeout(() => closing.abort(), 50)
  expect(parsed(await textOf(stream)).events).toHaveLength(1)
  expect(stopped).toBe(true)
  expect(onEnd).toHaveBeenCalledOnce()
})

test('a server that closes already ends the stream at once', async () => {
  const closing = new AbortController()
  closing.abort()
  const { stream, onEnd } = open(
    async function* (signal) {
      await untilAborted(signal)
      yield numbered(1)
    },
    { closing },
  )
  expect(parsed(await textOf(stream)).events).toEqual([])
  expect(onEnd).toHaveBeenCalledOnce()
})

test('when the client leaves, the events are stopped', async () => {
  let stopped = false
  const { stream, onEnd, errors } = open(async function* (signal) {
    await untilAborted(signal)
    stopped = true
    yield numbered(1)
  })
  const reader = stream.getReader()
  await reader.read()
  const waiting = reader.read()
  await reader.cancel()
  await waiting
  await vi.waitFor(() => expect(stopped).toBe(true))
  expect(onEnd).toHaveBeenCalledOnce()
  expect(errors).toEqual([])
})

test('a client that does not read holds back what is asked for', async () => {
  let asked = 0
  const { stream } = open(async function* () {
    for (;;) yield numbered(++asked)
  })
  const reader = stream.getReader()
  for (let i = 0; i < 3; i++) await reader.read()
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(asked).toBeLessThan(6)
  await reader.cancel()
})

test('a failure ends the stream and is reported', async () => {
  const { stream, errors, onEnd } = open(async function* () {
    yield numbered(1)
    throw new Error('the store is gone')
  })
  expect(parsed(await textOf(stream)).events).toHaveLength(1)
  expect(errors).toMatchObject([{ message: 'the store is gone' }])
  expect(onEnd).toHaveBeenCalledOnce()
})
