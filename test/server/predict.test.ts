import { expect, test } from 'vitest'
import { predictResponse } from '../../server/tei/schemas.ts'
import { type StartOptions, start } from './start.ts'

/** Sends a request, and checks that the response or error has the shape of text-embeddings-inference. */
async function predict(
  body: unknown,
  { query = '', headers = {}, ...options }: StartOptions & { query?: string; headers?: Record<string, string> } = {},
) {
  const { url, platform } = await start(options)
  const response = await fetch(`${url}/predict${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  expect(response.headers.get('content-type')).toBe('application/json')
  const answer = await response.json()
  if (response.ok) predictResponse.parse(answer)
  else expect(Object.keys(answer as object)).toEqual(['error', 'error_type'])
  return { status: response.status, answer, headers: response.headers, platform }
}

test('one text returns a list of labels, most likely first', async () => {
  const { status, answer } = await predict({ inputs: 'a good film' })
  expect(status).toBe(200)
  expect(answer).toEqual([
    { score: 0.925, label: 'positive' },
    { score: expect.closeTo(0.075), label: 'negative' },
  ])
})

test.each([
  ['a list of one text', ['bad'], ['bad']],
  ['a list of two texts, which is a pair,', ['bad', 'good'], ['bad</s>good']],
])('%s is one input', async (_, inputs, texts) => {
  const { answer, platform } = await predict({ inputs })
  expect(answer).toMatchObject([{ score: 0.925 }, {}])
  expect(platform.engine.calls[0].map(({ text }) => text)).toEqual(texts)
})

test('a list of lists is a batch, which returns a list of lists in the same order', async () => {
  const { answer, platform } = await predict({ inputs: [['good'], ['bad', 'worse'], ['good']] })
  expect(answer).toMatchObject([
    [{ label: 'positive' }, {}],
    [{ label: 'negative' }, {}],
    [{ label: 'positive' }, {}],
  ])
  expect(platform.engine.calls).toHaveLength(1)
})

test('a batch of one text returns a list of lists', async () => {
  expect((await predict({ inputs: [['good']] })).answer).toMatchObject([[{ label: 'positive' }, { label: 'negative' }]])
})

test('raw scores are returned without softmax', async () => {
  expect((await predict({ inputs: 'good', raw_scores: true })).answer).toEqual([
    { score: 2, label: 'positive' },
    { score: -1, label: 'negative' },
  ])
})

test.each(['Right', 'right'])('truncation_direction %s drops the end of a text', async (direction) => {
  const { platform, answer } = await predict({ inputs: 'good', raw_scores: true, truncation_direction: direction })
  expect(platform.engine.calls[0][0].truncationSide).toBe('right')
  expect(answer).toMatchObject([{}, { score: -2 }])
})

test('truncation_direction Left drops the beginning of a text, and the default is that of the adapter', async () => {
  const left = await predict({ inputs: 'good', truncation_direction: 'Left' })
  expect(left.platform.engine.calls[0][0].truncationSide).toBe('left')
  const unset = await predict({ inputs: 'good' })
  expect(unset.platform.engine.calls[0][0].truncationSide).toBeUndefined()
})

const LONG = 'good '.repeat(600)

test('a text that is too long is truncated, unless truncate is false', async () => {
  for (const truncate of [true, null, undefined]) expect((await predict({ inputs: LONG, truncate })).status).toBe(200)
  const { status, answer } = await predict({ inputs: [['good'], [LONG]], truncate: false })
  expect(status).toBe(413)
  expect(answer).toEqual({
    error: 'Input validation error: `inputs` must have less than 512 tokens. Given: 601',
    error_type: 'Validation',
  })
  expect((await predict({ inputs: 'good', truncate: false })).status).toBe(200)
})

test('a batch that is too large is rejected before anything is classified', async () => {
  const { status, answer, platform } = await predict({ inputs: Array(257).fill(['good']) })
  expect(status).toBe(413)
  expect(answer).toEqual({ error: 'batch size 257 > maximum allowed batch size 256', error_type: 'Validation' })
  expect(platform.engine.calls).toEqual([])
  expect((await predict({ inputs: Array(256).fill(['good']) })).status).toBe(200)
})

test.each([[''], [['']], [['', '']], [[['good'], ['']]]])('the empty input %j is rejected', async (inputs) => {
  const { status, answer } = await predict({ inputs })
  expect([status, answer]).toEqual([
    400,
    { error: 'Input validation error: `inputs` cannot be empty', error_type: 'Empty' },
  ])
})

test('one invalid input fails the whole request', async () => {
  const { status, answer } = await predict('{"inputs": [["good"], ["half a pair: \\ud83d"]]}')
  expect([status, answer]).toMatchObject([422, { error_type: 'Tokenizer' }])
})

test.each([
  ['no inputs', {}],
  ['an empty list', { inputs: [] }],
  ['three texts', { inputs: ['a', 'b', 'c'] }],
  ['a batch with a text outside a list', { inputs: [['a'], 'b'] }],
  ['a batch with three texts in one input', { inputs: [['a', 'b', 'c']] }],
  ['a number', { inputs: 7 }],
  ['a word as raw_scores', { inputs: 'a', raw_scores: 'yes' }],
  ['an unknown direction', { inputs: 'a', truncation_direction: 'middle' }],
  ['a list as the body', [1]],
])('%s is rejected with 422', async (_, body) => {
  const { status, answer } = await predict(body)
  expect([status, answer]).toMatchObject([422, { error_type: 'Validation' }])
})

test('unknown fields are ignored', async () => {
  expect((await predict({ inputs: 'good', parameters: { top_k: 1 } })).status).toBe(200)
})

test.each([
  ['{"inputs"', {}, 400, 'Validation'],
  ['{}', { 'content-type': 'text/plain' }, 415, 'Validation'],
] as const)('the body %s with %o is rejected with %i', async (body, headers, status, error_type) => {
  expect(await predict(body, { headers })).toMatchObject({ status, answer: { error_type } })
})

test('a full queue is reported with the time to wait', async () => {
  const { url, platform } = await start()
  platform.engine.freeRows = 0
  const body = JSON.stringify({ inputs: 'good' })
  const response = await fetch(`${url}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  expect(response.status).toBe(429)
  expect(response.headers.get('retry-after')).toBe('1')
  expect(await response.json()).toMatchObject({ error_type: 'Overloaded' })
})

test('an internal error is a failed dependency, and only the log contains its text', async () => {
  const { status, answer, platform } = await predict({ inputs: 'explode' })
  expect([status, answer]).toMatchObject([424, { error_type: 'Backend' }])
  expect(JSON.stringify(answer)).not.toContain('secret')
  expect(platform.logged).toHaveLength(1)
})

test('headers report the runtime, the amount of work and its duration', async () => {
  const { headers } = await predict({ inputs: [['a good film 😀'], ['bad']] })
  const metadata = Object.fromEntries(
    [...headers].filter(([name]) => name.startsWith('x-') && !/id|type-opt/.test(name)),
  )
  expect(metadata).toMatchObject({
    'x-graft-adapter': 'imdb',
    'x-compute-type': 'onnxruntime',
    'x-compute-characters': '16',
    'x-compute-tokens': '5',
    'x-compute-time': expect.stringMatching(/^\d+$/),
    'x-total-time': expect.stringMatching(/^\d+$/),
    'x-tokenization-time': '1',
    'x-queue-time': '2',
    'x-inference-time': '40',
  })
})

test('the query or a header names the adapter, and the query takes precedence', async () => {
  const adapters = ['a', 'bb']
  const both = { adapters, query: '?adapter=bb', headers: { 'x-graft-adapter': 'a' } }
  expect((await predict({ inputs: 'good' }, both)).headers.get('x-graft-adapter')).toBe('bb')
  const header = { adapters, headers: { 'x-graft-adapter': 'a' } }
  expect((await predict({ inputs: 'good' }, header)).headers.get('x-graft-adapter')).toBe('a')
  expect(await predict({ inputs: 'good' }, { adapters })).toMatchObject({
    status: 422,
    answer: { error_type: 'Validation' },
  })
  expect(await predict({ inputs: 'good' }, { adapters, query: '?adapter=c' })).toMatchObject({ status: 404 })
})

test('an authorization error has the same shape', async () => {
  const access = { hasKeys: async () => true, verify: async () => undefined }
  const { status, headers } = await predict({ inputs: 'good' }, { access })
  expect(status).toBe(401)
  expect(headers.get('www-authenticate')).toMatch(/^Bearer/)
})
