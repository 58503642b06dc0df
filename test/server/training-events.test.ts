import { createParser } from 'eventsource-parser'
import { expect, test, vi } from 'vitest'
import { insertDataset } from '../../platform/store/datasets.ts'
import { transitionTraining } from '../../platform/store/training-transitions.ts'
import { insertTraining } from '../../platform/store/trainings.ts'
import { digestOf, type FakePlatform } from '../platform/fake-platform.ts'
import { readProblem, type StartOptions, start } from './start.ts'

async function withTraining(options: StartOptions = {}) {
  const server = await start(options)
  const {
    store,
    bases: [base],
  } = server.platform
  const dataset = {
    name: `films ${Math.random()}`,
    digest: digestOf('films'),
    bytes: 1,
    format: 'jsonl',
    rows: 1,
  } as const
  const { id: dataset_id } = await insertDataset(store.db, { ...dataset, labels: { positive: 1 }, duplicates: 0 })
  const spec = { method: { method: 'lora' } } as never
  const { id } = await insertTraining(store.db, { base_id: base.id, dataset_id, spec })
  return { ...server, id, events: `${server.url}/v1/trainings/${id}/events` }
}

const cancel = ({ store }: FakePlatform, id: string) => transitionTraining(store.db, id, 'cancelled')

function parse(text: string): [id: string | undefined, status: unknown][] {
  const events: [string | undefined, unknown][] = []
  createParser({ onEvent: ({ id, data }) => events.push([id, JSON.parse(data).status]) }).feed(text)
  return events
}

test('the events of a training are streamed until it ends', async () => {
  const { platform, id, events } = await withTraining()
  const response = await fetch(events)
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  setTimeout(() => cancel(platform, id), 100)
  expect(parse(await response.text())).toEqual([
    ['1', 'queued'],
    ['2', 'cancelled'],
  ])
})

test('a client that reconnects receives only the events it missed, and 204 after the end', async () => {
  const { platform, id, events } = await withTraining()
  await cancel(platform, id)
  const from = (lastEventId: string) => fetch(events, { headers: { 'last-event-id': lastEventId } })
  expect(parse(await (await from('1')).text())).toEqual([['2', 'cancelled']])
  expect((await from('2')).status).toBe(204)
  expect(parse(await (await from('')).text())).toHaveLength(2)
  expect(parse(await (await fetch(`${events}?after=1`)).text())).toHaveLength(1)
  const both = await fetch(`${events}?after=1`, { headers: { 'last-event-id': '0' } })
  expect(parse(await both.text())).toHaveLength(2)
})

test('the events so far are returned as JSON on request', async () => {
  const { events } = await withTraining()
  const list = await fetch(`${events}`, { headers: { accept: 'application/json' } })
  expect(await list.json()).toEqual({
    data: [{ number: 1, event: { type: 'status', status: 'queued' }, created_at: expect.any(String) }],
  })
})

test.each(['x', '-1', '1.5'])('the event number %s is rejected', async (given) => {
  const { events } = await withTraining()
  const header = await fetch(events, { headers: { 'last-event-id': given } })
  expect(await readProblem(header)).toMatchObject({ code: 'body_invalid', subject: 'last-event-id' })
  expect(await readProblem(await fetch(`${events}?after=${given}`))).toMatchObject({ subject: 'after' })
})

test('the events of an unknown training are 404', async () => {
  const { url } = await start()
  expect(await readProblem(await fetch(`${url}/v1/trainings/nothing/events`))).toMatchObject({
    code: 'training_unknown',
  })
})

test('event streams end when the server closes, and do not delay it', async () => {
  const { events, close } = await withTraining({ graceSeconds: 30 })
  const response = await fetch(events)
  const started = performance.now()
  const [text] = await Promise.all([response.text(), new Promise((resolve) => setTimeout(resolve, 50)).then(close)])
  expect(parse(text)).toEqual([['1', 'queued']])
  expect(performance.now() - started).toBeLessThan(15_000)
})

test('a stream above the limit is rejected, and accepted again when another has ended', async () => {
  const { events } = await withTraining({ appOptions: { maxStreams: 1 } })
  const client = new AbortController()
  await fetch(events, { signal: client.signal })
  const rejected = await fetch(events)
  expect(rejected.headers.get('retry-after')).toBe('1')
  expect(await readProblem(rejected)).toMatchObject({ code: 'overloaded', status: 429 })
  client.abort()
  await vi.waitFor(async () => {
    const again = await fetch(events)
    expect(again.status).toBe(200)
    await again.body?.cancel()
  })
})

test('HEAD opens no stream', async () => {
  const { events } = await withTraining({ appOptions: { maxStreams: 1 } })
  for (let i = 0; i < 3; i++) expect((await fetch(events, { method: 'HEAD' })).status).toBe(200)
})
