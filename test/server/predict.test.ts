import { expect, test } from 'vitest'
import { predictResponse } from '../../server/tei/schemas.ts'
import { type StartOptions, start } from './start.ts'

/** Asks; checks that an error has text-embeddings-inference's shape. */
async function asked(
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

test('one text is answered by a list of labels, the likeliest first', async () => {
  const { status, answer } = await asked({ inputs: 'a good film' })
  expect(status).toBe(200)
  expect(answer).toEqual([
    { score: 0.925, label: 'positive' },
    { score: expect.closeTo(0.075), label: 'negative' },
  ])
})

test.each([
  ['a list of one text', ['bad'], ['bad']],
  ['a list of two texts, which is a pair', ['bad', 'good'], ['bad</s>good']],
])('%s is one input', async (_, inputs, texts) => {
  const { answer, platform } = await asked({ inputs })
  expect(answer).toMatchObject([{ score: 0.925 }, {}])
  expect(platform.engine.calls[0].map(({ text }) => text)).toEqual(texts)
})

test('a list of lists is a batch, answered by a list of lists in its order', async () => {
  const { answer, platform } = await asked({ inputs: [['good'], ['bad', 'worse'], ['good']] })
  expect(answer).toMatchObject([
    [{ label: 'positive' }, {}],
    [{ label: 'negative' }, {}],
    [{ label: 'positive' }, {}],
  ])
  expect(platform.engine.calls).toHaveLength(1)
})

test('a batch of one is answered as a batch', async () => {
  expect((await asked({ inputs: [['good']] })).answer).toMatchObject([[{ label: 'positive' }, { label: 'negative' }]])
})

test('raw scores come without softmax', async () => {
  expect((await asked({ inputs: 'good', raw_scores: true })).answer).toEqual([
    { score: 2, label: 'positive' },
    { score: -1, label: 'negative' },
  ])
})

test.each(['Right', 'right'])('a text is cut at its end where truncation_direction is %s', async (direction) => {
  const { platform, answer } = await asked({ inputs: 'good', raw_scores: true, truncation_direction: direction })
  expect(platform.engine.calls[0][0].truncationSide).toBe('right')
  expect(answer).toMatchObject([{}, { score: -2 }])
})

test('a text is cut at its beginning where it says Left, and as the adapter was trained where it says nothing', async () => {
  const left = await asked({ inputs: 'good', truncation_direction: 'Left' })
  expect(left.platform.engine.calls[0][0].truncationSide).toBe('left')
  const silent = await asked({ inputs: 'good' })
  expect(silent.platform.engine.calls[0][0].truncationSide).toBeUndefined()
})

const LONG = 'good '.repeat(600)

test('a text that is too long is cut, unless truncate is false', async () => {
  for (const truncate of [true, null, undefined]) expect((await asked({ inputs: LONG, truncate })).status).toBe(200)
  const { status, answer } = await asked({ inputs: [['good'], [LONG]], truncate: false })
  expect(status).toBe(413)
  expect(answer).toEqual({
    error: 'Input validation error: `inputs` must have less than 512 tokens. Given: 601',
    error_type: 'Validation',
  })
  expect((await asked({ inputs: 'good', truncate: false })).status).toBe(200)
})

test('a batch that is too large is refused before anything is classified', async () => {
  const { status, answer, platform } = await asked({ inputs: Array(257).fill(['good']) })
  expect(status).toBe(413)
  expect(answer).toEqual({ error: 'batch size 257 > maximum allowed batch size 256', error_type: 'Validation' })
  expect(platform.engine.calls).toEqual([])
  expect((await asked({ inputs: Array(256).fill(['good']) })).status).toBe(200)
})

test.each([[''], [['']], [['', '']], [[['good'], ['']]]])('the empty input %j is refused', async (inputs) => {
  const { status, answer } = await asked({ inputs })
  expect([status, answer]).toEqual([
    400,
    { error: 'Input validation error: `inputs` cannot be empty', error_type: 'Empty' },
  ])
})

test('one input that cannot be read fails the request', async () => {
  const { status, answer } = await asked('{"inputs": [["good"], ["half a pair: \\ud83d"]]}')
  expect([status, answer]).toMatchObject([422, { error_type: 'Tokenizer' }])
})

test.each([
  ['no inputs', {}],
  ['an empty list', { inputs: [] }],
  ['three texts', { inputs: ['a', 'b', 'c'] }],
  ['a batch with a text that is in no list', { inputs: [['a'], 'b'] }],
  ['a batch with three texts together', { inputs: [['a', 'b', 'c']] }],
  ['a number', { inputs: 7 }],
  ['raw_scores that is null', { inputs: 'a', raw_scores: null }],
  ['another direction', { inputs: 'a', truncation_direction: 'middle' }],
  ['a list for the body', [1]],
])('%s is refused with 422', async (_, body) => {
  const { status, answer } = await asked(body)
  expect([status, answer]).toMatchObject([422, { error_type: 'Validation' }])
})

test('fields that it does not know are overlooked', async () => {
  expect((await asked({ inputs: 'good', parameters: { top_k: 1 } })).status).toBe(200)
})

test.each([
  ['{"inputs"', {}, 400, 'Validation'],
  ['{}', { 'content-type': 'text/plain' }, 415, 'Validation'],
] as const)('the body %s with %o is refused with %i', async (body, headers, status, error_type) => {
  expect(await asked(body, { headers })).toMatchObject({ status, answer: { error_type } })
})

test('while too many texts wait it says so, and when to come again', async () => {
  const { url, platform } = await start()
  platform.engine.room = 0
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

test('what fails on our side is a failed dependency, and its text stays in the log', async () => {
  const { status, answer, platform } = await asked({ inputs: 'explode' })
  expect([status, answer]).toMatchObject([424, { error_type: 'Backend' }])
  expect(JSON.stringify(answer)).not.toContain('secret')
  expect(platform.logged).toHaveLength(1)
})

test('headers tell what computed, how much, and how long it took', async () => {
  const { headers } = await asked({ inputs: [['a good film 😀'], ['bad']] })
  const told = Object.fromEntries([...headers].filter(([name]) => name.startsWith('x-') && !/id|type-opt/.test(name)))
  expect(told).toMatchObject({
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

test('the address names the adapter, or a header does; the address counts first', async () => {
  const adapters = ['a', 'bb']
  const both = { adapters, query: '?adapter=bb', headers: { 'x-graft-adapter': 'a' } }
  expect((await asked({ inputs: 'good' }, both)).headers.get('x-graft-adapter')).toBe('bb')
  const header = { adapters, headers: { 'x-graft-adapter': 'a' } }
  expect((await asked({ inputs: 'good' }, header)).headers.get('x-graft-adapter')).toBe('a')
  expect(await asked({ inputs: 'good' }, { adapters })).toMatchObject({
    status: 422,
    answer: { error_type: 'Validation' },
  })
  expect(await asked({ inputs: 'good' }, { adapters, query: '?adapter=c' })).toMatchObject({ status: 404 })
})

test('an error at the doors has the same shape', async () => {
  const access = { hasKeys: async () => true, verify: async () => undefined }
  const { status, headers } = await asked({ inputs: 'good' }, { access })
  expect(status).toBe(401)
  expect(headers.get('www-authenticate')).toMatch(/^Bearer/)
})
