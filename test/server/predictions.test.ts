import { expect, test } from 'vitest'
import { digestOf } from '../platform/fake-platform.ts'
import { post, problemFrom, start, until } from './start.ts'

test('a list of texts is labelled, and headers name the adapter and the weights', async () => {
  const { url } = await start()
  const response = await post(url, { inputs: ['a good film', 'a film'] })
  expect(response.status).toBe(200)
  expect(response.headers.get('x-graft-adapter')).toBe('imdb')
  expect(response.headers.get('x-graft-digest')).toBe(digestOf('weights of imdb'))
  expect(await response.json()).toMatchObject({
    results: [{ label: 'positive', tokens: 3, truncated: false, scores: {} }, { label: 'negative' }],
    adapter: 'imdb',
    digest: digestOf('weights of imdb'),
  })
})

test('an adapter whose id is not plain ASCII is named in the header in per cent notation', async () => {
  const { url } = await start({ adapters: ['крыло'] })
  const response = await post(url, { inputs: ['good'] })
  expect(decodeURIComponent(response.headers.get('x-graft-adapter') ?? '')).toBe('крыло')
  expect(await response.json()).toMatchObject({ adapter: 'крыло' })
})

test('several adapters answer each text in the order asked for, and no header names one of them', async () => {
  const { url } = await start({ adapters: ['a', 'bb'] })
  const response = await post(url, { inputs: ['good'], adapters: ['bb', 'a'] })
  expect(response.headers.has('x-graft-adapter')).toBe(false)
  expect(await response.json()).toMatchObject({
    results: [[{ score: 0.85 }, { score: 0.7 }]],
    adapters: [{ adapter: 'bb' }, { adapter: 'a' }],
  })
})

test('rows that name their own adapters are answered by those', async () => {
  const { url } = await start({ adapters: ['a', 'bb'] })
  const inputs = [
    { text: 'good', adapter: 'bb' },
    { text: 'good', adapter: 'a' },
  ]
  const response = await post(url, { inputs })
  expect(response.headers.has('x-graft-adapter')).toBe(false)
  expect(await response.json()).toMatchObject({ results: [{ adapter: 'bb' }, { adapter: 'a' }] })
})

test('a text that cannot be classified fails alone, with a problem in its place', async () => {
  const { url } = await start()
  const response = await post(url, '{"inputs": ["good", "half a pair: \\ud83d", "bad"]}')
  expect(response.status).toBe(200)
  const { results } = (await response.json()) as { results: unknown[] }
  expect(results).toMatchObject([
    { label: 'positive' },
    { error: { code: 'text_invalid', status: 422, type: '/docs/errors#text_invalid', subject: 'inputs[1]' } },
    { label: 'negative' },
  ])
})

test('a text of a megabyte is answered, and the answer says that it was cut', async () => {
  const { url } = await start()
  const response = await post(url, { inputs: ['good '.repeat(200_000), 'good'] })
  expect(await response.json()).toMatchObject({ results: [{ tokens: 512, truncated: true }, { truncated: false }] })
})

test('256 texts are one request', async () => {
  const { url } = await start()
  const inputs = Array.from({ length: 256 }, (_, i) => (i % 2 ? 'good' : 'bad'))
  const { results } = (await (await post(url, { inputs })).json()) as { results: { label: string }[] }
  expect(results.map(({ label }) => label)).toEqual(inputs.map((text) => (text === 'good' ? 'positive' : 'negative')))
})

test('200 requests at a time each get their own answer', async () => {
  const { url } = await start({ adapters: ['a', 'bb', 'ccc'] })
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const [adapter, inputs] = [['a', 'bb', 'ccc'][i % 3], Array(1 + (i % 5)).fill(i % 2 ? 'good' : 'bad')]
      const response = await post(url, { inputs, adapter }, { headers: { 'x-request-id': `request-${i}` } })
      expect(response.headers.get('x-request-id')).toBe(`request-${i}`)
      const answer = (await response.json()) as { adapter: string; results: { label: string }[] }
      expect(answer.adapter).toBe(adapter)
      expect(answer.results.map(({ label }) => label)).toEqual(inputs.map(() => (i % 2 ? 'positive' : 'negative')))
      return answer
    }),
  )
  expect(answers).toHaveLength(200)
})

test('while too many texts wait, a request is told to come again, and later it is answered', async () => {
  const { url, platform } = await start()
  const { promise, resolve } = Promise.withResolvers<void>()
  Object.assign(platform.engine, { room: 1, gate: promise })
  const first = post(url, { inputs: ['good'] })
  await until(() => platform.engine.calls.length === 1)
  const refused = await post(url, { inputs: ['good'] })
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(await problemFrom(refused)).toMatchObject({ code: 'overloaded', status: 429 })
  resolve()
  expect((await first).status).toBe(200)
  expect((await post(url, { inputs: ['good'] })).status).toBe(200)
})

test('a client that goes away takes its texts out of the queue, and nobody is blamed', async () => {
  const { url, platform } = await start()
  platform.engine.gate = new Promise(() => {})
  const leaving = new AbortController()
  const request = post(url, { inputs: ['good', 'bad'] }, { signal: leaving.signal })
  await until(() => platform.engine.calls.length === 1)
  leaving.abort()
  await expect(request).rejects.toThrow()
  await until(() => platform.engine.cancelled.length === 1)
  expect(platform.engine.cancelled[0]).toHaveLength(2)
  platform.engine.gate = Promise.resolve()
  expect((await post(url, { inputs: ['good'] })).status).toBe(200)
  expect(platform.logged).toEqual([])
})

test("a failure by Graft's own fault tells the caller what to quote, and the log what happened", async () => {
  const { url, platform } = await start()
  platform.engine.classify = async () => {
    throw new Error('ENOENT /secret/weights')
  }
  const problem = await problemFrom(await post(url, { inputs: ['good'] }))
  expect(problem).toMatchObject({ code: 'internal', status: 500 })
  expect(JSON.stringify(problem)).not.toContain('secret')
  expect(platform.logged).toMatchObject([{ error: { message: 'ENOENT /secret/weights' } }])
  expect(problem.problem).toContain(String(platform.logged[0].context.request_id))
})
