import { expect, test } from 'vitest'
import { classifyAnswer, classifyRequest, MAX_ANSWERS } from '../../platform/schemas/classify.ts'
import { classify } from '../../platform/use-cases/classify.ts'
import { digestOf, fakePlatform } from './fake-platform.ts'

test('each text is answered in its place, with the adapter and the digest of the weights', async () => {
  const answer = await classify(await fakePlatform(), { inputs: ['good', 'bad'] })
  expect(answer).toMatchObject({
    results: [{ label: 'positive' }, { label: 'negative' }],
    adapter: 'imdb',
    digest: digestOf('weights of imdb'),
  })
  expect(classifyAnswer.parse(answer)).toEqual(answer)
})

test('with several adapters asked for, each text has their answers in the order asked for', async () => {
  const platform = await fakePlatform(['a', 'bb', 'ccc'])
  const answer = await classify(platform, { inputs: ['good', 'bad'], adapters: ['ccc', 'a'] })
  expect(answer).toMatchObject({
    results: [
      [
        { label: 'positive', score: 0.9 },
        { label: 'positive', score: 0.7 },
      ],
      [
        { label: 'negative', score: 0.9 },
        { label: 'negative', score: 0.7 },
      ],
    ],
    adapters: [
      { adapter: 'ccc', digest: digestOf('weights of ccc') },
      { adapter: 'a', digest: digestOf('weights of a') },
    ],
  })
  expect(classifyAnswer.parse(answer)).toEqual(answer)
  expect(platform.engine.calls).toHaveLength(1)
})

test('each row is answered by the adapter that it asks for, and says which', async () => {
  const inputs = [{ text: 'good', adapter: 'bb' }, 'good', { text: 'bad' }]
  const answer = await classify(await fakePlatform(['a', 'bb']), { inputs, adapter: 'a' })
  expect(answer.results).toMatchObject([
    { label: 'positive', score: 0.85, adapter: 'bb', digest: digestOf('weights of bb') },
    { label: 'positive', score: 0.7, adapter: 'a', digest: digestOf('weights of a') },
    { label: 'negative', score: 0.7, adapter: 'a', digest: digestOf('weights of a') },
  ])
  expect(answer).not.toHaveProperty('adapter')
  expect(classifyAnswer.parse(answer)).toEqual(answer)
})

test('where all rows ask for one adapter, the answer names it once more as a whole', async () => {
  const answer = await classify(await fakePlatform(['a', 'bb']), { inputs: [{ text: 'good', adapter: 'bb' }] })
  expect(answer).toMatchObject({ adapter: 'bb', digest: digestOf('weights of bb'), results: [{ adapter: 'bb' }] })
  expect(classifyAnswer.parse(answer)).toEqual(answer)
})

test('a text with half of a surrogate pair, or without words, fails alone', async () => {
  const platform = await fakePlatform()
  const { results } = await classify(platform, { inputs: ['good', 'bad \ud800', '', ' \n', 'good \u{1f600}'] })
  const error = (i: number, found: string) => ({ error: { code: 'text_invalid', subject: `inputs[${i}]`, found } })
  expect(results).toMatchObject([
    { label: 'positive' },
    error(1, 'half of a surrogate pair'),
    error(2, 'an empty text'),
    error(3, 'white space alone'),
    { label: 'positive' },
  ])
  expect(platform.engine.calls[0]).toHaveLength(2)
})

test('a text that no adapter can read fails for each that was asked', async () => {
  const { results } = await classify(await fakePlatform(['a', 'bb']), { inputs: ['', 'good'], adapters: ['a', 'bb'] })
  expect(results).toMatchObject([
    [{ error: { subject: 'inputs[0]' } }, { error: { subject: 'inputs[0]' } }],
    [{ label: 'positive' }, { label: 'positive' }],
  ])
})

test('the engine is left alone where no text can be classified', async () => {
  const platform = await fakePlatform()
  await classify(platform, { inputs: [''] })
  expect(platform.engine.calls).toEqual([])
})

test("a row that fails by Graft's own fault is reported, and its text kept from the caller", async () => {
  const platform = await fakePlatform()
  const { results } = await classify(platform, { inputs: ['good', 'explode'] })
  expect(results).toMatchObject([{ label: 'positive' }, { error: { code: 'internal', status: 500 } }])
  expect(JSON.stringify(results)).not.toContain('/secret')
  expect(platform.logged).toMatchObject([{ error: { found: 'ENOENT /secret/weights' } }])
  expect(JSON.stringify(results)).toContain(platform.logged[0].context.request_id)
})

test('an adapter that is not served is an error that names those that are, never the answer of another', async () => {
  const platform = await fakePlatform(['a', 'bb'])
  const unknown = (subject: string) => ({ code: 'adapter_unknown', detail: { subject, expected: 'one of bb, a' } })
  await expect(classify(platform, { inputs: ['good'], adapter: 'c' })).rejects.toMatchObject(unknown('adapter'))
  await expect(classify(platform, { inputs: ['good'], adapters: ['a', 'c'] })).rejects.toMatchObject(
    unknown('adapters[1]'),
  )
  const inputs = [
    { text: 'good', adapter: 'a' },
    { text: 'good', adapter: 'toString' },
  ]
  await expect(classify(platform, { inputs })).rejects.toMatchObject(unknown('inputs[1].adapter'))
  expect(platform.engine.calls).toEqual([])
})

test('where several adapters are served, one has to be named', async () => {
  const error = { code: 'body_invalid', detail: { subject: 'adapter', expected: 'one of bb, a', found: 'none named' } }
  await expect(classify(await fakePlatform(['a', 'bb']), { inputs: ['good'] })).rejects.toMatchObject(error)
})

test('where no adapter is served, the error says so', async () => {
  await expect(classify(await fakePlatform([]), { inputs: ['good'] })).rejects.toMatchObject({
    code: 'adapter_unknown',
  })
})

test('the fields of a request that contradict each other are refused', () => {
  const messages = (request: unknown) => classifyRequest.safeParse(request).error?.issues.map(({ message }) => message)
  const inputs = ['good']
  expect(messages({ inputs, adapter: 'a', adapters: ['a'] })).toEqual(['either adapter or adapters'])
  expect(messages({ inputs, adapters: ['a', 'a'] })).toEqual(['each adapter once'])
  expect(messages({ inputs: [{ text: 'good', adapter: 'a' }], adapters: ['a'] })).toEqual([
    'no adapter of its own, where adapters is given',
  ])
  const many = Array.from({ length: 5 }, (_, i) => `a${i}`)
  expect(messages({ inputs: Array(256).fill('good'), adapters: many })).toEqual([
    `at most ${MAX_ANSWERS} answers, texts times adapters`,
  ])
})
