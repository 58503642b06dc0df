import { expect, test } from 'vitest'
import { coerceMethodFields } from '../../platform/schemas/coerce-fields.ts'
import { parameterCount } from '../../platform/schemas/parameters.ts'
import { insertAdapter } from '../../platform/store/adapters.ts'
import { selectBase } from '../../platform/store/bases.ts'
import { countParameters } from '../../platform/use-cases/count-parameters.ts'
import { adapterRow, fakePlatform } from './fake-platform.ts'

test('LoRA of rank 8 on T5-small trains 294,912 parameters, and the count explains why', async () => {
  const count = await countParameters(await fakePlatform(), { base: 't5-small', method: 'lora', rank: 8 })
  expect(count).toMatchObject({ trainable: 294_912, added: 294_912, total: 60_801_536 })
  expect(count.percent).toBeCloseTo(0.485, 3)
  expect(count.formula).toBe('36 × 8 × 512 + 36 × 512 × 8 = 294,912')
  expect(count.groups).toContainEqual({
    name: 'encoder.block.*.layer.0.SelfAttention.q.lora_A',
    count: 6,
    shape: [8, 512],
    parameters: 24_576,
  })
  expect(parameterCount.parse(count)).toEqual(count)
})

test('the groups and the formula of every method add up to what it trains', async () => {
  const platform = await fakePlatform()
  for (const method of ['lora', 'bottleneck', 'soft-prompt', 'ia3', 'prefix', 'full'])
    for (const base of ['t5-small', 'embedded']) {
      const { trainable, groups, formula } = await countParameters(platform, { method, base })
      expect(groups?.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(trainable)
      const [terms] = formula!.split(' = ')
      const product = (term: string) => term.split(' × ').reduce((value, factor) => value * Number(factor), 1)
      expect(terms.split(' + ').reduce((sum, term) => sum + product(term), 0)).toBe(trainable)
    }
})

test('the count of a trained adapter comes from its own record', async () => {
  const platform = await fakePlatform([])
  const { id } = await selectBase(platform.store.db, 'small')
  await insertAdapter(platform.store.db, adapterRow('imdb', id))
  expect(await countParameters(platform, { adapter: 'imdb' })).toEqual({
    trainable: 294_912,
    added: 294_912,
    total: 60_801_536,
    percent: (100 * 294_912) / 60_801_536,
  })
  const full = { ...adapterRow('all', id), method: 'full', trainable: 60_506_624, total: 60_506_624 }
  await insertAdapter(platform.store.db, full)
  expect(await countParameters(platform, { adapter: 'all' })).toMatchObject({ added: 0, percent: 100 })
})

test('errors name the known methods, fields and bases', async () => {
  const platform = await fakePlatform()
  const error = (request: Parameters<typeof countParameters>[1]) =>
    countParameters(platform, request).catch((caught: unknown) => caught)
  const methods = 'one of lora, bottleneck, soft-prompt, ia3, prefix, full'
  expect(await error({})).toMatchObject({ code: 'method_invalid', detail: { expected: methods, found: 'nothing' } })
  for (const method of ['constructor', 'toString', '__proto__', 'LoRA'])
    expect(await error({ method })).toMatchObject({ code: 'method_invalid', detail: { expected: methods } })
  expect(await error({ method: 'lora', rnak: 8 })).toMatchObject({
    code: 'method_invalid',
    detail: { subject: 'lora, rnak', expected: 'only rank, alpha, ranks, alphas, targets, dora, rslora' },
  })
  expect(await error({ method: 'lora', rank: 0 })).toMatchObject({ code: 'method_invalid' })
  expect(await error({ method: 'lora', targets: ['nothing'] })).toMatchObject({ code: 'method_invalid' })
  expect(await error({ method: 'lora', base: '../t5' })).toMatchObject({
    code: 'base_unknown',
    detail: { found: '"../t5"' },
  })
  expect(await error({ adapter: 'imdb', rank: 8 })).toMatchObject({ code: 'body_invalid', detail: { subject: 'rank' } })
  expect(await error({ adapter: 'yelp' })).toMatchObject({ code: 'adapter_unknown' })
})

test("strings are converted to the type of the method's field", () => {
  expect(coerceMethodFields('lora', { rank: ['8'], alpha: ['0.5'], targets: ['q,v'], rslora: ['true'] })).toEqual({
    rank: 8,
    alpha: 0.5,
    targets: ['q', 'v'],
    rslora: true,
  })
  expect(coerceMethodFields('lora', { targets: ['q', 'v'] })).toEqual({ targets: ['q', 'v'] })
  expect(coerceMethodFields('lora', { targets: ['5'] })).toEqual({ targets: ['5'] })
  expect(coerceMethodFields('bottleneck', { variant: ['seq_bn'] })).toEqual({ variant: 'seq_bn' })
  expect(coerceMethodFields('soft-prompt', { submodules: ['2'] })).toEqual({ submodules: 2 })
})

test('a string that does not fit its field is left as it is', () => {
  expect(coerceMethodFields('lora', { rank: ['eight'], alpha: ['1e999'], rnak: ['8'] })).toEqual({
    rank: 'eight',
    alpha: '1e999',
    rnak: 8,
  })
  expect(coerceMethodFields('lora', { rank: ['8', '9'] })).toEqual({ rank: ['8', '9'] })
  expect(coerceMethodFields('constructor', { rank: ['8'] })).toEqual({ rank: 8 })
  expect(coerceMethodFields(undefined, {})).toEqual({})
})
