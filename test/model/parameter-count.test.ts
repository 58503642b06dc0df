import { describe, expect, test } from 'vitest'
import { modelOf } from '../../model/architectures.ts'
import { type MethodConfig, parseMethod } from '../../model/methods/registry.ts'
import { countTrainable } from '../../model/parameter-count.ts'
import { T5_SMALL } from '../../model/t5/config.ts'
import { totalSize } from '../../model/tensor-shapes.ts'
import { tinyFlan, tinyT5 } from '../checkpoint/helpers.ts'
import { readJson } from './references.ts'

interface Row {
  config: string
  reported_trainable: number
  reported_total: number
  live_trainable: number
  live_total: number
}

type Library = 'peft' | 'adapters' | 'opendelta'
const counts = readJson<Record<Library, { rows: Row[] }> & { published_totals: Record<string, number> }>('counts.json')

const count = (config: MethodConfig) => countTrainable(parseMethod(config), modelOf({ config: T5_SMALL }))
const seq = (bottleneck: number) => ({ method: 'bottleneck', variant: 'seq_bn', bottleneck })
const double = (bottleneck: number) => ({ method: 'bottleneck', variant: 'double_seq_bn', bottleneck })
const delta = (bottleneck: number) => ({ method: 'bottleneck', variant: 'opendelta', bottleneck })
const deltaAt = (bottleneck: number, target: string) => ({ ...delta(bottleneck), targets: [target] })
const prompt = (tokens: number, submodules = 1) => ({ method: 'soft-prompt', tokens, submodules })
const lora = (rank: number, targets = ['q', 'v']) => ({ method: 'lora', rank, targets })
const SELF = ['SelfAttention.q', 'SelfAttention.v']
const ALL = ['q', 'k', 'v', 'o', 'wi', 'wo']

/** The rows of the libraries' own reports, with the same configuration in Graft. */
const reported: [Library, string, MethodConfig][] = [
  ['peft', 'full model (transformers only)', { method: 'full' }],
  ['peft', 'PROMPT_TUNING 10 tokens, defaults (num_transformer_submodules -> 2)', prompt(10, 2)],
  ['peft', 'PROMPT_TUNING 1 token, defaults (num_transformer_submodules -> 2)', prompt(1, 2)],
  ['peft', 'PROMPT_TUNING 10 tokens, num_transformer_submodules=1', prompt(10)],
  ['peft', 'PROMPT_TUNING 1 token, num_transformer_submodules=1', prompt(1)],
  ['peft', 'PROMPT_TUNING 5 tokens, defaults (rows 10, half unused)', prompt(5, 2)],
  ['peft', 'LORA r=8 q,v', lora(8)],
  ['peft', 'LORA r=1 q,v', lora(1)],
  ['peft', 'LORA r=8, target_modules unset (T5 default q,v)', { method: 'lora' }],
  ['peft', 'LORA r=4 q,v rslora', { ...lora(4), rslora: true }],
  ['peft', 'LORA r=8 q,k,v,o,wi,wo', lora(8, ALL)],
  ['peft', "LORA r=8 target_modules='all-linear'", lora(8, ALL)],
  ['peft', 'LORA r=8 q,v DoRA', { ...lora(8), dora: true }],
  ['peft', 'PREFIX_TUNING 10 tokens', { method: 'prefix', tokens: 10 }],
  ['peft', 'IA3 defaults (k,v,wo)', { method: 'ia3' }],
  ['adapters', 'seq_bn reduction_factor=64 (bottleneck 8)', seq(8)],
  ['adapters', 'seq_bn reduction_factor=512 (bottleneck 1)', seq(1)],
  ['adapters', 'seq_bn defaults (reduction_factor=16, bottleneck 32)', seq(32)],
  ['adapters', 'double_seq_bn reduction_factor=64 (bottleneck 8)', double(8)],
  ['adapters', 'double_seq_bn reduction_factor=512 (bottleneck 1)', double(1)],
  ['adapters', 'par_bn reduction_factor=64 (bottleneck 8)', { method: 'bottleneck', variant: 'par_bn', bottleneck: 8 }],
  ['adapters', 'LoRAConfig r=8 (defaults: q,v of every attention)', lora(8)],
  ['adapters', 'LoRAConfig r=1', lora(1)],
  ['opendelta', 'SoftPromptModel soft_token_num=10', prompt(10)],
  ['opendelta', 'SoftPromptModel soft_token_num=1', prompt(1)],
  ['opendelta', 'AdapterModel bottleneck_dim=8, defaults (24 places)', delta(8)],
  ['opendelta', 'AdapterModel bottleneck_dim=1, defaults (24 places)', delta(1)],
  ['opendelta', "AdapterModel bottleneck_dim=8, modified_modules=['DenseReluDense.wo']", deltaAt(8, 'wo')],
  ['opendelta', "AdapterModel bottleneck_dim=1, modified_modules=['DenseReluDense.wo']", deltaAt(1, 'wo')],
  ['opendelta', "AdapterModel bottleneck_dim=8, modified_modules=['SelfAttention.o']", deltaAt(8, 'SelfAttention.o')],
  ['opendelta', 'LoraModel lora_r=8, defaults (self-attention only)', lora(8, SELF)],
  ['opendelta', 'LoraModel lora_r=1, defaults (self-attention only)', lora(1, SELF)],
  ['opendelta', "LoraModel lora_r=8, modified_modules=['q','v']", lora(8)],
  ['opendelta', "LoraModel lora_r=1, modified_modules=['q','v']", lora(1)],
]

test.each(reported)(
  'T5-small in %s, %s, has the trainable and total parameters that the library counts',
  (library, name, config) => {
    const row = counts[library].rows.find((candidate) => candidate.config === name)
    const { trainable, total } = count(config)
    expect({ trainable, total }).toEqual({ trainable: row?.reported_trainable, total: row?.reported_total })
  },
)

test('every configuration that the libraries counted is counted', () => {
  const all = (['peft', 'adapters', 'opendelta'] as const).flatMap((library) =>
    counts[library].rows.map(({ config }) => `${library} ${config}`),
  )
  const missing = all.filter((row) => !reported.some(([library, config]) => row === `${library} ${config}`))
  expect(missing).toEqual([])
})

test.each([
  ['full', { method: 'full' }, 60_506_624],
  ['soft_prompt_10', prompt(10), 60_511_744],
  ['soft_prompt_1', prompt(1), 60_507_136],
  ['adapter_b8', seq(8), 60_611_168],
  ['adapter_b1', seq(1), 60_525_068],
  ['lora_r8', lora(8), 60_801_536],
  ['lora_r1', lora(1), 60_543_488],
] as [string, MethodConfig, number][])('the total of %s equals the published one', (name, config, total) => {
  expect(counts.published_totals[name]).toBe(total)
  expect(count(config).total).toBe(total)
})

describe('a parameter count', () => {
  test('has the trained parameters, the added ones and the trained share', () => {
    const { tensors, ...numbers } = count(lora(8))
    expect(numbers).toEqual({
      trainable: 294_912,
      added: 294_912,
      total: 60_801_536,
      percent: (100 * 294_912) / 60_801_536,
    })
    expect(tensors).toHaveLength(72)
    expect(totalSize(tensors)).toBe(294_912)
    expect(count({ method: 'full' })).toMatchObject({ trainable: 60_506_624, added: 0, percent: 100 })
  })

  test.each([
    ['tied head', tinyT5, 62_144],
    ['separate head', tinyFlan, 84_672],
  ])('of a base with a %s equals the size of its file', async (_, base, expected) => {
    const { config, tensors } = await base()
    const model = modelOf({ config })
    expect(totalSize(model.tensors)).toBe(expected)
    expect([...tensors.values()].reduce((sum, { length }) => sum + length, 0)).toBe(expected)
    expect(countTrainable(parseMethod({ method: 'full' }), model).total).toBe(expected)
  })
})
