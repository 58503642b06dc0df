import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { adapterhub } from '../../checkpoint/adapterhub.ts'
import { parseMethod } from '../../model/methods/registry.ts'
import { T5_SMALL } from '../../model/t5/config.ts'
import { expectError, parity, tinyT5 } from './helpers.ts'

type Json = Record<string, unknown>

const written = (name: string) =>
  JSON.parse(readFileSync(parity(`adapterhub/${name}/safetensors/adapter_config.json`), 'utf8')) as Json & {
    config: Json
  }
const read = async (file: Json) => adapterhub.read(file, (await tinyT5()).t5, 'adapter_config.json').method
const smallest = (config: Json): Json => ({ config, name: 'imdb', model_type: 't5', version: 'adapters.1.3.0' })
const seqBn = {
  mh_adapter: false,
  output_adapter: true,
  reduction_factor: 4,
  non_linearity: 'relu',
  original_ln_before: true,
}
const doubleSeqBn = { mh_adapter: true, output_adapter: true, reduction_factor: 4, non_linearity: 'swish' }
const bottleneck = { method: 'bottleneck', bottleneck: 8, cross_attention: false }

test('the smallest configurations that the library takes mean what the whole ones do', async () => {
  expect(await read(smallest(seqBn))).toEqual({ ...bottleneck, variant: 'seq_bn' })
  expect(await read(smallest(seqBn))).toEqual(await read(written('seq_bn_b8')))
  expect(await read(smallest(doubleSeqBn))).toEqual({ ...bottleneck, variant: 'double_seq_bn' })
  expect(await read(smallest(doubleSeqBn))).toEqual(await read(written('double_seq_bn_b8')))
  expect(await read(smallest({ architecture: 'lora', r: 8, alpha: 16 }))).toEqual(await read(written('lora_r8_a16')))
})

test.each([
  ['relu', 'relu'],
  ['swish', undefined],
  ['SiLU', undefined],
  ['gelu_new', 'gelu'],
  ['gelu_pytorch_tanh', 'gelu'],
])('%s is read as the activation that the library would take', async (name, activation) => {
  const method = { ...bottleneck, variant: 'double_seq_bn', ...(activation && { activation }) }
  expect(await read(smallest({ ...doubleSeqBn, non_linearity: name }))).toEqual(method)
})

test('gelu is the erf form, which Graft lacks, except in files without a version, where it was the tanh form', async () => {
  const gelu = smallest({ ...doubleSeqBn, non_linearity: 'gelu' })
  await expectError(read(gelu), 'checkpoint_config', 'non_linearity', '"gelu"')
  const { version: _, ...old } = gelu
  expect(await read(old)).toMatchObject({ activation: 'gelu' })
  await expectError(
    read({ ...old, config: { ...doubleSeqBn, non_linearity: 'gelu_orig' } }),
    'checkpoint_config',
    'gelu_orig',
  )
})

test('LoRA of a version before 1.1 was trained without its scale, and is read so', async () => {
  const file = smallest({ architecture: 'lora', r: 8, alpha: 16 })
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
])('width %d over a factor of %d is a bottleneck of %d, as Python divides', (width, factor, expected) => {
  const file = smallest({ ...doubleSeqBn, reduction_factor: factor })
  expect(adapterhub.read(file, { ...T5_SMALL, dModel: width }, '').method.bottleneck).toBe(expected)
})

test('any width of bottleneck can be written as a factor and read back', async () => {
  const base = await tinyT5()
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2048 }), fc.integer({ min: 1, max: 4096 }), (dModel, width) => {
      const method = adapterhub.stored(parseMethod({ method: 'bottleneck', bottleneck: width }))
      const t5 = { ...base.t5, dModel }
      const text = adapterhub.write(method, { ...base, t5 }, 'x')
      expect(adapterhub.read(JSON.parse(text), t5, '').method).toEqual(method)
    }),
  )
})

const refused: [string, unknown, ...string[]][] = [
  ['ln_before', true],
  ['ln_after', true],
  ['original_ln_after', false],
  ['original_ln_before', true],
  ['output_adapter', false],
  ['is_parallel', true, 'parallel'],
  ['scaling', 2],
  ['scaling', 'learned', 'learned'],
  ['use_gating', true],
  ['residual_before_ln', false],
  ['residual_before_ln', 'post_add'],
  ['adapter_residual_before_ln', true],
  ['inv_adapter', 'nice', 'invertible'],
  ['leave_out', [0]],
  ['phm_layer', true, 'Compacter'],
  ['stochastic_depth', 0.1],
  ['reduction_factor', { default: 16, 1: 8 }, 'one number'],
  ['reduction_factor', 0],
  ['non_linearity', 'leakyrelu', 'leakyrelu'],
  ['a_key_of_the_future', true, 'does not know'],
]

test.each(refused)('of a bottleneck, %s: %j is refused by name', async (key, value, ...words) => {
  const file = written('double_seq_bn_b8')
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
])('of LoRA, %s: %j is refused by name', async (key, value, ...words) => {
  const file = written('lora_r8_a16')
  await expectError(read({ ...file, config: { ...file.config, [key]: value } }), 'checkpoint_config', key, ...words)
})

test.each<[string, unknown, ...string[]]>([
  ['config', 'seq_bn', 'written out'],
  ['config', { architecture: 'prefix_tuning' }, 'architecture', 'prefix_tuning'],
  ['config', { architecture: 'union' }, 'union'],
  ['config', { architecture: 'reft' }, 'reft'],
  ['hidden_size', 64, '32'],
  ['model_type', 'bert', 'bert'],
  ['name', null],
  ['name', 'a.b', 'a.b'],
  ['version', 7],
])('%s: %j is refused by name', async (key, value, ...words) => {
  await expectError(read({ ...written('seq_bn_b8'), [key]: value }), 'checkpoint_config', key, ...words)
})

test('what AdapterHub has no words for is not saved in its layout', () => {
  const stored = (config: Json) => () => adapterhub.stored(parseMethod(config as { method: string }))
  expect(stored({ method: 'lora', targets: ['q', 'wo'] })).toThrow('wo')
  expect(stored({ method: 'lora', rslora: true })).toThrow('rslora')
  expect(stored({ method: 'soft-prompt' })).toThrow('bottleneck or lora')
})
