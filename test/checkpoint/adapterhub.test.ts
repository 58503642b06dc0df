import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { adapterhub } from '../../checkpoint/adapterhub.ts'
import { modelOf } from '../../model/architectures.ts'
import { parseMethod } from '../../model/methods/registry.ts'
import { T5_SMALL, type T5Config } from '../../model/t5/config.ts'
import { expectError, parityPath, tinyT5 } from './helpers.ts'

type Json = Record<string, unknown>

const libraryConfig = (name: string) =>
  JSON.parse(readFileSync(parityPath(`adapterhub/${name}/safetensors/adapter_config.json`), 'utf8')) as Json & {
    config: Json
  }
const read = async (file: Json) => adapterhub.parseConfig(file, modelOf(await tinyT5()), 'adapter_config.json').method
const minimalConfig = (config: Json): Json => ({ config, name: 'imdb', model_type: 't5', version: 'adapters.1.3.0' })
const seqBn = {
  mh_adapter: false,
  output_adapter: true,
  reduction_factor: 4,
  non_linearity: 'relu',
  original_ln_before: true,
}
const doubleSeqBn = { mh_adapter: true, output_adapter: true, reduction_factor: 4, non_linearity: 'swish' }
const bottleneck = { method: 'bottleneck', bottleneck: 8, cross_attention: false }

test('minimal configurations that the library accepts mean the same as complete ones', async () => {
  expect(await read(minimalConfig(seqBn))).toEqual({ ...bottleneck, variant: 'seq_bn' })
  expect(await read(minimalConfig(seqBn))).toEqual(await read(libraryConfig('seq_bn_b8')))
  expect(await read(minimalConfig(doubleSeqBn))).toEqual({ ...bottleneck, variant: 'double_seq_bn' })
  expect(await read(minimalConfig(doubleSeqBn))).toEqual(await read(libraryConfig('double_seq_bn_b8')))
  expect(await read(minimalConfig({ architecture: 'lora', r: 8, alpha: 16 }))).toEqual(
    await read(libraryConfig('lora_r8_a16')),
  )
})

test('a parallel adapter and a scale are read, written and read again', async () => {
  const parallel = {
    mh_adapter: false,
    output_adapter: true,
    reduction_factor: 4,
    non_linearity: 'relu',
    is_parallel: true,
    scaling: 4,
  }
  const base = await tinyT5()
  for (const [config, method] of [
    [parallel, { variant: 'par_bn' }],
    // The library reads h, whatever this key says.
    [{ ...parallel, original_ln_before: true }, { variant: 'par_bn' }],
    [
      { ...parallel, scaling: 1, non_linearity: 'gelu_new' },
      { variant: 'par_bn', scaling: 1, activation: 'gelu' },
    ],
    [
      { ...seqBn, scaling: 2.5 },
      { variant: 'seq_bn', scaling: 2.5 },
    ],
  ]) {
    const found = await read(minimalConfig(config))
    expect(found).toEqual({ ...bottleneck, ...method })
    const text = adapterhub.formatConfig(adapterhub.toSupportedMethod(found), base, 'imdb')
    expect(await read(JSON.parse(text))).toEqual(found)
    expect(text).toMatch(/"scaling": \d+\.\d+/)
  }
})

test.each([
  ['relu', 'relu'],
  ['swish', undefined],
  ['SiLU', undefined],
  ['gelu_new', 'gelu'],
  ['gelu_pytorch_tanh', 'gelu'],
])('%s is read as the activation that the library would use', async (name, activation) => {
  const method = { ...bottleneck, variant: 'double_seq_bn', ...(activation && { activation }) }
  expect(await read(minimalConfig({ ...doubleSeqBn, non_linearity: name }))).toEqual(method)
})

test('gelu is the erf form, which Graft does not have, except in files without a version, where it is the tanh form', async () => {
  const gelu = minimalConfig({ ...doubleSeqBn, non_linearity: 'gelu' })
  await expectError(read(gelu), 'checkpoint_config', 'non_linearity', '"gelu"')
  const { version: _, ...old } = gelu
  expect(await read(old)).toMatchObject({ activation: 'gelu' })
  await expectError(
    read({ ...old, config: { ...doubleSeqBn, non_linearity: 'gelu_orig' } }),
    'checkpoint_config',
    'gelu_orig',
  )
})

test('LoRA of a version before 1.1 was trained without its scale and is read accordingly', async () => {
  const file = minimalConfig({ architecture: 'lora', r: 8, alpha: 16 })
  expect(await read({ ...file, version: 'adapters.1.0.1' })).toMatchObject({ rank: 8, alpha: 8 })
  expect(await read({ ...file, version: 'adapters.0.2.2' })).toMatchObject({ rank: 8, alpha: 8 })
  expect(await read({ ...file, version: 'adapters.1.1.0' })).toMatchObject({ rank: 8, alpha: 16 })
  expect(await read({ ...file, version: '3.2.1' })).toMatchObject({ rank: 8, alpha: 16 })
})

test.each([
  [32, 16, 2],
  [32, 0.5, 64],
  [32, 6.4, 4],
  [32, 100, 1],
  [512, 0.3, 1706],
  [1, 0.1, 9],
])('width %d divided by the factor %d gives the bottleneck %d, as in Python', (width, factor, expected) => {
  const file = minimalConfig({ ...doubleSeqBn, reduction_factor: factor })
  expect(
    adapterhub.parseConfig(file, modelOf({ config: { ...T5_SMALL, dModel: width } as T5Config }), '').method.bottleneck,
  ).toBe(expected)
})

test('every bottleneck width can be written as a factor and read back', async () => {
  const base = await tinyT5()
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2048 }), fc.integer({ min: 1, max: 4096 }), (dModel, width) => {
      const method = adapterhub.toSupportedMethod(parseMethod({ method: 'bottleneck', bottleneck: width }))
      const config = { ...base.config, dModel } as T5Config
      const text = adapterhub.formatConfig(method, { ...base, config }, 'x')
      expect(adapterhub.parseConfig(JSON.parse(text), modelOf({ config }), '').method).toEqual(method)
    }),
  )
})

const rejectedSettings: [string, unknown, ...string[]][] = [
  ['ln_before', true],
  ['ln_after', true],
  ['original_ln_after', false],
  ['original_ln_before', true],
  ['output_adapter', false],
  ['is_parallel', true, 'mh_adapter', 'is_parallel'],
  ['scaling', 0],
  ['scaling', 'learned', 'learned'],
  ['scaling', 'channel', 'learned scale'],
  ['use_gating', true],
  ['residual_before_ln', false],
  ['residual_before_ln', 'post_add'],
  ['adapter_residual_before_ln', true],
  ['inv_adapter', 'nice', 'invertible'],
  ['leave_out', [0]],
  ['phm_layer', true, 'Compacter'],
  ['stochastic_depth', 0.1],
  ['reduction_factor', { default: 16, 1: 8 }, 'a single number'],
  ['reduction_factor', 0],
  ['non_linearity', 'leakyrelu', 'leakyrelu'],
  ['a_key_of_the_future', true, 'does not know'],
]

test.each(rejectedSettings)('for a bottleneck, %s: %j is rejected by name', async (key, value, ...words) => {
  const file = libraryConfig('double_seq_bn_b8')
  await expectError(read({ ...file, config: { ...file.config, [key]: value } }), 'checkpoint_config', key, ...words)
})

test.each<[string, unknown, ...string[]]>([
  ['use_dora', true, 'DoRA'],
  ['composition_mode', 'scale', 'IA3'],
  ['vera_d', 0.1, 'VeRA'],
  ['use_gating', true],
  ['leave_out', [0]],
  ['selfattn_lora', false],
  ['intermediate_lora', true],
  ['output_lora', true],
  ['dtype', 'float16'],
  ['attn_matrices', ['q', 'o']],
  ['attn_matrices', []],
  ['r', 0],
])('for LoRA, %s: %j is rejected by name', async (key, value, ...words) => {
  const file = libraryConfig('lora_r8_a16')
  await expectError(read({ ...file, config: { ...file.config, [key]: value } }), 'checkpoint_config', key, ...words)
})

test.each<[string, unknown, ...string[]]>([
  ['config', 'seq_bn', 'as an object'],
  ['config', { architecture: 'prefix_tuning' }, 'architecture', 'prefix_tuning'],
  ['config', { architecture: 'union' }, 'union'],
  ['config', { architecture: 'reft' }, 'reft'],
  ['hidden_size', 64, '32'],
  ['model_type', 'bert', 'bert'],
  ['name', null],
  ['name', 'a.b', 'a.b'],
  ['version', 7],
])('%s: %j is rejected by name', async (key, value, ...words) => {
  await expectError(read({ ...libraryConfig('seq_bn_b8'), [key]: value }), 'checkpoint_config', key, ...words)
})

test('a method that AdapterHub does not have is not saved in its layout', () => {
  const convert = (config: Json) => () => adapterhub.toSupportedMethod(parseMethod(config as { method: string }))
  expect(convert({ method: 'lora', targets: ['q', 'wo'] })).toThrow('wo')
  expect(convert({ method: 'lora', dora: true })).toThrow('dora')
  expect(adapterhub.toSupportedMethod(parseMethod({ method: 'lora', rank: 4, alpha: 3, rslora: true }))).toMatchObject({
    alpha: 6,
    rslora: false,
  })
  expect(convert({ method: 'soft-prompt' })).toThrow('bottleneck or lora')
})
