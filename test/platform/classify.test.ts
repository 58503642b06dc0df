import { expect, test } from 'vitest'
import { classifyAnswer, classifyRequest, MAX_PREDICTIONS } from '../../platform/schemas/classify.ts'
import { classify } from '../../platform/use-cases/classify.ts'
import { digestOf, fakePlatform } from './fake-platform.ts'

test('results are in the order of the texts, with the adapter and the digest of its weights', async () => {
  const answer = await classify(await fakePlatform(), { inputs: ['good', 'bad'] })
  expect(answer).toMatchObject({
    results: [{ label: 'positive' }, { label: 'negative' }],
    adapter: 'imdb',
    digest: digestOf('weights of imdb'),
  })
  expect(classifyAnswer.parse(answer)).toEqual(answer)
})

test('with several adapters, each text has one result per adapter, in the order of the request', async () => {
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

test('each text is classified by the adapter that it names, and the result says by which', async () => {
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

test('if all texts name the same adapter, the response names it, too', async () => {
  const answer = await classify(await fakePlatform(['a', 'bb']), { inputs: [{ text: 'good', adapter: 'bb' }] })
  expect(answer).toMatchObject({ adapter: 'bb', digest: digestOf('weights of bb'), results: [{ adapter: 'bb' }] })
  expect(classifyAnswer.parse(answer)).toEqual(answer)
})

test('a text with half of a surrogate pair or without words fails, and the others are classified', async () => {
  const platform = await fakePlatform()
  const { results } = await classify(platform, { inputs: ['good', 'bad \ud800', '', ' \n', 'good \u{1f600}'] })
  const error = (i: number, found: string) => ({ error: { code: 'text_invalid', subject: `inputs[${i}]`, found } })
  expect(results).toMatchObject([
    { label: 'positive' },
    error(1, 'half of a surrogate pair at character 5'),
    error(2, 'an empty text'),
    error(3, 'only white space'),
    { label: 'positive' },
  ])
  expect(platform.engine.calls[0]).toHaveLength(2)
})

test('a text of more than 200,000 characters fails, and the others are classified', async () => {
  const platform = await fakePlatform()
  const inputs = ['g'.repeat(200_001), 'good '.repeat(40_000)]
  const { results } = await classify(platform, { inputs })
  const expected = 'at most 200000 characters'
  expect(results).toMatchObject([
    { error: { code: 'text_invalid', status: 422, subject: 'inputs[0]', expected, found: '200001 characters' } },
    { label: 'positive', truncated: true },
  ])
  expect(platform.engine.calls[0]).toHaveLength(1)
})

test('an invalid text fails for each requested adapter', async () => {
  const { results } = await classify(await fakePlatform(['a', 'bb']), { inputs: ['', 'good'], adapters: ['a', 'bb'] })
  expect(results).toMatchObject([
    [{ error: { subject: 'inputs[0]' } }, { error: { subject: 'inputs[0]' } }],
    [{ label: 'positive' }, { label: 'positive' }],
  ])
})

test('the engine is not called if every text is invalid', async () => {
  const platform = await fakePlatform()
  await classify(platform, { inputs: [''] })
  expect(platform.engine.calls).toEqual([])
})

test('an internal failure of a row is logged, and its details are hidden from the caller', async () => {
  const platform = await fakePlatform()
  const { results } = await classify(platform, { inputs: ['good', 'explode'] })
  expect(results).toMatchObject([{ label: 'positive' }, { error: { code: 'internal', status: 500 } }])
  expect(JSON.stringify(results)).not.toContain('/secret')
  expect(platform.logged).toMatchObject([{ error: { found: 'ENOENT /secret/weights' } }])
  expect(JSON.stringify(results)).toContain(platform.logged[0].context.request_id)
})

test('an unknown adapter is an error that names the known ones, and no other adapter answers instead', async () => {
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

test('if several adapters are served, the request has to name one', async () => {
  const error = { code: 'body_invalid', detail: { subject: 'adapter', expected: 'one of bb, a', found: 'nothing' } }
  await expect(classify(await fakePlatform(['a', 'bb']), { inputs: ['good'] })).rejects.toMatchObject(error)
})

test('if there is no adapter, the error says so', async () => {
  await expect(classify(await fakePlatform([]), { inputs: ['good'] })).rejects.toMatchObject({
    code: 'adapter_unknown',
  })
})

test('fields that contradict each other are rejected', () => {
  const messages = (request: unknown) => classifyRequest.safeParse(request).error?.issues.map(({ message }) => message)
  const inputs = ['good']
  expect(messages({ inputs, adapter: 'a', adapters: ['a'] })).toEqual(['no adapter, because adapters is set'])
  expect(messages({ inputs, adapters: ['a', 'a'] })).toEqual(['each adapter once'])
  expect(messages({ inputs: [{ text: 'good', adapter: 'a' }], adapters: ['a'] })).toEqual([
    'no adapter, because adapters is set',
  ])
  const many = Array.from({ length: 5 }, (_, i) => `a${i}`)
  expect(messages({ inputs: Array(256).fill('good'), adapters: many })).toEqual([
    `at most ${MAX_PREDICTIONS} predictions (texts times adapters)`,
  ])
})
