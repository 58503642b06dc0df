import { createParser } from 'eventsource-parser'
import { expect, test, vi } from 'vitest'
import { createDataset } from '../../platform/store/datasets.ts'
import { transitionTraining } from '../../platform/store/training-transitions.ts'
import { createTraining } from '../../platform/store/trainings.ts'
import { digestOf, type FakePlatform } from '../platform/fake-platform.ts'
import { problemFrom, type StartOptions, start } from './start.ts'

async function withTraining(options: StartOptions = {}) {
  const started = await start(options)
  const { store, base } = started.platform
  const dataset = {
    name: `films ${Math.random()}`,
    digest: digestOf('films'),
    bytes: 1,
    format: 'jsonl',
    rows: 1,
  } as const
  const { id: dataset_id } = await createDataset(store.db, { ...dataset, labels: { positive: 1 }, duplicates: 0 })
  const spec = { method: { method: 'lora' } } as never
  const { id } = await createTraining(store.db, { base_id: base.id, dataset_id, spec })
  return { ...started, id, events: `${started.url}/v1/trainings/${id}/events` }
}

const cancel = ({ store }: FakePlatform, id: string) => transitionTraining(store.db, id, 'cancelled')

function parsed(text: string): [id: string | undefined, status: unknown][] {
  const seen: [string | undefined, unknown][] = []
  createParser({ onEvent: ({ id, data }) => seen.push([id, JSON.parse(data).status]) }).feed(text)
  return seen
}

test('the events of a training are streamed until it ends', async () => {
  const { platform, id, events } = await withTraining()
  const response = await fetch(events)
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  setTimeout(() => cancel(platform, id), 100)
  expect(parsed(await response.text())).toEqual([
    ['1', 'queued'],
    ['2', 'cancelled'],
  ])
})

test('a client that comes back is told only what it missed, and after the end not to come again', async () => {
  const { platform, id, events } = await withTraining()
  await cancel(platform, id)
  const from = (lastEventId: string) => fetch(events, { headers: { 'last-event-id': lastEventId } })
  expect(parsed(await (await from('1')).text())).toEqual([['2', 'cancelled']])
  expect((await from('2')).status).toBe(204)
  expect(parsed(await (await from('')).text())).toHaveLength(2)
  expect(parsed(await (await fetch(`${events}?after=1`)).text())).toHaveLength(1)
  const both = await fetch(`${events}?after=1`, { headers: { 'last-event-id': '0' } })
  expect(parsed(await both.text())).toHaveLength(2)
})

test('as JSON there are those that are known now', async () => {
  const { events } = await withTraining()
  const list = await fetch(`${events}`, { headers: { accept: 'application/json' } })
  expect(await list.json()).toEqual({
    data: [{ number: 1, event: { type: 'status', status: 'queued' }, created_at: expect.any(String) }],
  })
})

test.each(['x', '-1', '1.5'])('the number %s of an event is refused', async (given) => {
  const { events } = await withTraining()
  const header = await fetch(events, { headers: { 'last-event-id': given } })
  expect(await problemFrom(header)).toMatchObject({ code: 'body_invalid', subject: 'last-event-id' })
  expect(await problemFrom(await fetch(`${events}?after=${given}`))).toMatchObject({ subject: 'after' })
})

test('a training that there is not is 404 before anything is streamed', async () => {
  const { url } = await start()
  expect(await problemFrom(await fetch(`${url}/v1/trainings/nothing/events`))).toMatchObject({
    code: 'training_unknown',
  })
})

test('streams end when the server closes, and do not hold it', async () => {
  const { events, close } = await withTraining({ graceSeconds: 30 })
  const response = await fetch(events)
  const started = performance.now()
  const [text] = await Promise.all([response.text(), new Promise((resolve) => setTimeout(resolve, 50)).then(close)])
  expect(parsed(text)).toEqual([['1', 'queued']])
  expect(performance.now() - started).toBeLessThan(15_000)
})

test('past their bound a stream is refused, and taken again when another has ended', async () => {
  const { events } = await withTraining({ app: { streams: 1 } })
  const leaving = new AbortController()
  await fetch(events, { signal: leaving.signal })
  const refused = await fetch(events)
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(await problemFrom(refused)).toMatchObject({ code: 'overloaded', status: 429 })
  leaving.abort()
  await vi.waitFor(async () => {
    const again = await fetch(events)
    expect(again.status).toBe(200)
    await again.body?.cancel()
  })
})

test('HEAD opens no stream', async () => {
  const { events } = await withTraining({ app: { streams: 1 } })
  for (let i = 0; i < 3; i++) expect((await fetch(events, { method: 'HEAD' })).status).toBe(200)
})
