import { expect, test } from 'vitest'
import { fail } from '../../core/errors.ts'
import { type AdapterAnswer, classifyAnswer, countTexts, MAX_EXPLANATIONS } from '../../platform/schemas/classify.ts'
import { EXPLANATION_COST } from '../../serving/explanation-cost.ts'
import { digestOf } from '../platform/fake-platform.ts'
import { post, readProblem, start, waitUntil } from './start.ts'

test('a list of texts is classified, and headers name the adapter and its weights', async () => {
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

test('an adapter name that is not plain ASCII is percent-encoded in the header', async () => {
  const { url } = await start({ adapters: ['крыло'] })
  const response = await post(url, { inputs: ['good'] })
  expect(decodeURIComponent(response.headers.get('x-graft-adapter') ?? '')).toBe('крыло')
  expect(await response.json()).toMatchObject({ adapter: 'крыло' })
})

test('several adapters classify each text in the requested order, and no header names one of them', async () => {
  const { url } = await start({ adapters: ['a', 'bb'] })
  const response = await post(url, { inputs: ['good'], adapters: ['bb', 'a'] })
  expect(response.headers.has('x-graft-adapter')).toBe(false)
  expect(await response.json()).toMatchObject({
    results: [[{ score: 0.85 }, { score: 0.7 }]],
    adapters: [{ adapter: 'bb' }, { adapter: 'a' }],
  })
})

test('inputs that name an adapter are classified by it', async () => {
  const { url } = await start({ adapters: ['a', 'bb'] })
  const inputs = [
    { text: 'good', adapter: 'bb' },
    { text: 'good', adapter: 'a' },
  ]
  const response = await post(url, { inputs })
  expect(response.headers.has('x-graft-adapter')).toBe(false)
  expect(await response.json()).toMatchObject({ results: [{ adapter: 'bb' }, { adapter: 'a' }] })
})

test('with explain, each prediction has an explanation, and every place where work is limited counts what it costs', async () => {
  const { url, platform } = await start()
  const response = await post(url, { inputs: ['good 😀 film', { text: 'bad' }], explain: true })
  expect(response.status).toBe(200)
  const answer = classifyAnswer.parse(await response.json())
  expect(answer.results[0]).toMatchObject({
    label: 'positive',
    explanation: {
      target: 'positive',
      against: 'negative',
      words: [
        { text: 'good', start: 0, end: 4 },
        { text: '😀', start: 5, end: 7 },
        { text: 'film', start: 8, end: 12 },
      ],
    },
  })
  expect(platform.engine.calls.at(-1)).toMatchObject([{ explained: true }, { explained: true }])

  const plain = (await (await post(url, { inputs: ['good'], explain: false })).json()) as AdapterAnswer
  expect(plain.results[0]).not.toHaveProperty('explanation')
  const many = await post(url, { inputs: Array.from({ length: MAX_EXPLANATIONS + 1 }, () => 'good'), explain: true })
  expect(await readProblem(many)).toMatchObject({ code: 'body_invalid', subject: 'inputs' })
  expect(countTexts({ inputs: ['a', 'b'], explain: true })).toBe(2 * (1 + EXPLANATION_COST))
})

test('a text that cannot be classified does not affect the others, and its result is a problem', async () => {
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

test('a text of 200,000 characters is classified, and the result says that it was truncated', async () => {
  const { url } = await start()
  const response = await post(url, { inputs: ['good '.repeat(40_000), 'good'] })
  expect(await response.json()).toMatchObject({ results: [{ tokens: 512, truncated: true }, { truncated: false }] })
})

test('a prediction that takes too long is a problem with the time to wait', async () => {
  const { url, platform } = await start()
  platform.engine.classify = () =>
    fail('prediction_timeout', { subject: 'the prediction', problem: 'took too long', fix: 'Try again.' })
  const response = await post(url, { inputs: ['good'] })
  expect(response.headers.get('retry-after')).toBe('5')
  expect(await readProblem(response)).toMatchObject({ code: 'prediction_timeout', status: 503 })
})

test('texts are classified for the key that sends them', async () => {
  const access = {
    hasKeys: async () => true,
    verify: async (secret: string) => ({ owner: secret, scopes: ['predict' as const] }),
  }
  const { url, platform } = await start({ access })
  const clients: (string | undefined)[] = []
  const { classify } = platform.engine
  platform.engine.classify = (rows, signal, client) => {
    clients.push(client)
    return classify(rows, signal)
  }
  const headers = { authorization: 'Bearer ada', 'content-type': 'application/json' }
  await post(url, { inputs: ['good'] }, { headers })
  await fetch(`${url}/predict`, { method: 'POST', headers, body: JSON.stringify({ inputs: 'good' }) })
  const chat = { model: 'imdb', messages: [{ role: 'user', content: 'good' }] }
  await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify(chat) })
  expect(clients).toEqual(['ada', 'ada', 'ada'])
})

test('one request can have 256 texts', async () => {
  const { url } = await start()
  const inputs = Array.from({ length: 256 }, (_, i) => (i % 2 ? 'good' : 'bad'))
  const { results } = (await (await post(url, { inputs })).json()) as { results: { label: string }[] }
  expect(results.map(({ label }) => label)).toEqual(inputs.map((text) => (text === 'good' ? 'positive' : 'negative')))
})

test('200 concurrent requests each receive their own results', async () => {
  const { url } = await start({ adapters: ['a', 'bb', 'ccc'] })
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const [adapter, inputs] = [['a', 'bb', 'ccc'][i % 3], Array(1 + (i % 5)).fill(i % 2 ? 'good' : 'bad')]
      const response = await post(url, { inputs, adapter })
      const answer = (await response.json()) as { adapter: string; results: { label: string }[] }
      expect(answer.adapter).toBe(adapter)
      expect(answer.results.map(({ label }) => label)).toEqual(inputs.map(() => (i % 2 ? 'positive' : 'negative')))
      return answer
    }),
  )
  expect(answers).toHaveLength(200)
})

test('a request above the queue limit is rejected with the time to wait, and accepted later', async () => {
  const { url, platform } = await start()
  const { promise, resolve } = Promise.withResolvers<void>()
  Object.assign(platform.engine, { freeRows: 1, gate: promise })
  const first = post(url, { inputs: ['good'] })
  await waitUntil(() => platform.engine.calls.length === 1)
  const rejected = await post(url, { inputs: ['good'] })
  expect(rejected.headers.get('retry-after')).toBe('1')
  expect(await readProblem(rejected)).toMatchObject({ code: 'overloaded', status: 429 })
  resolve()
  expect((await first).status).toBe(200)
  expect((await post(url, { inputs: ['good'] })).status).toBe(200)
})

test('texts of a client that disconnects leave the queue, and nothing is logged', async () => {
  const { url, platform } = await start()
  platform.engine.gate = new Promise(() => {})
  const client = new AbortController()
  const request = post(url, { inputs: ['good', 'bad'] }, { signal: client.signal })
  await waitUntil(() => platform.engine.calls.length === 1)
  client.abort()
  await expect(request).rejects.toThrow()
  await waitUntil(() => platform.engine.cancelled.length === 1)
  expect(platform.engine.cancelled[0]).toHaveLength(2)
  platform.engine.gate = Promise.resolve()
  expect((await post(url, { inputs: ['good'] })).status).toBe(200)
  expect(platform.logged).toEqual([])
})

test('an internal error has the request id for the caller, and the details only in the log', async () => {
  const { url, platform } = await start()
  platform.engine.classify = async () => {
    throw new Error('ENOENT /secret/weights')
  }
  const problem = await readProblem(await post(url, { inputs: ['good'] }))
  expect(problem).toMatchObject({ code: 'internal', status: 500 })
  expect(JSON.stringify(problem)).not.toContain('secret')
  expect(platform.logged).toMatchObject([{ error: { message: 'ENOENT /secret/weights' } }])
  expect(problem.problem).toContain(String(platform.logged[0].context.request_id))
})
