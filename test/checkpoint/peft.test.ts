import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadAdapter } from '../../checkpoint/adapter.ts'
import { peft } from '../../checkpoint/peft.ts'
import { modelOf } from '../../model/architectures.ts'
import { copyFolder, expectError, parityPath, randomAdapter, tinyFlan, tinyT5 } from './helpers.ts'

type Json = Record<string, unknown>

const minimalLora = { peft_type: 'LORA', task_type: 'SEQ_2_SEQ_LM', r: 8, lora_alpha: 16, target_modules: ['q', 'v'] }
const minimalPrompt = { peft_type: 'PROMPT_TUNING', task_type: 'SEQ_2_SEQ_LM', num_virtual_tokens: 10, token_dim: 32 }
const libraryConfig = (path: string) =>
  JSON.parse(readFileSync(parityPath(`${path}/checkpoint/adapter_config.json`), 'utf8')) as Json
const read = async (config: Json) => peft.parseConfig(config, modelOf(await tinyT5()), 'adapter_config.json').method

test.each([
  ['lora_r8_a16_qv', minimalLora],
  ['lora_r4_a32_rslora_qv', { ...minimalLora, r: 4, lora_alpha: 32, use_rslora: true }],
  ['prompt_10', minimalPrompt],
  ['prompt_10_sub1', { ...minimalPrompt, num_transformer_submodules: 1 }],
])('%s loads with the minimal configuration that PEFT accepts', async (name, config) => {
  const dir = copyFolder(parityPath(`peft/${name}/checkpoint`))
  const complete = await loadAdapter(dir, await tinyT5())
  writeFileSync(join(dir, 'adapter_config.json'), JSON.stringify(config))
  const { libraryConfig: _, ...adapter } = await loadAdapter(dir, await tinyT5())
  expect(complete).toMatchObject(adapter)
})

test("settings that are not set have PEFT's defaults", async () => {
  expect(await read({ peft_type: 'LORA' })).toEqual({
    method: 'lora',
    dora: false,
    rank: 8,
    alpha: 8,
    rslora: false,
    targets: ['q', 'v'],
  })
  expect(await read(minimalPrompt)).toMatchObject({ tokens: 10, submodules: 2, init: 'normal' })
})

test.each(['gaussian', 'eva', 'mica', 'orthogonal'])(
  'the initialization %s leaves the base as it was, and changes nothing here',
  async (init_lora_weights) => {
    const config = { ...minimalLora, init_lora_weights, eva_config: { rho: 2 } }
    expect(await read(config)).toEqual(await read(minimalLora))
  },
)

test('all-linear targets every Linear of the blocks', async () => {
  const all = { ...minimalLora, target_modules: 'all-linear' }
  expect((await read(all)).targets).toEqual(['q', 'k', 'v', 'o', 'wi', 'wo'])
  const model = modelOf(await tinyFlan())
  expect(peft.parseConfig(all, model, '').method.targets).toEqual(['q', 'k', 'v', 'o', 'wi_0', 'wi_1', 'wo'])
})

test.each([
  ['.*\\.(q|v)$', ['q', 'v']],
  ['.*\\.(?:SelfAttention|EncDecAttention)\\.q', ['q']],
  [
    'decoder.*EncDecAttention\\.k',
    ['decoder.block.0.layer.1.EncDecAttention.k', 'decoder.block.1.layer.1.EncDecAttention.k'],
  ],
])('the pattern %s targets the Linears whose whole names it matches', async (pattern, targets) => {
  expect((await read({ ...minimalLora, target_modules: pattern })).targets).toEqual(targets)
})

test('patterns of ranks and alphas become those of Linears, as PEFT matches them', async () => {
  const patterns = {
    'encoder.block.0.layer.0.SelfAttention.q': 2,
    '(encoder|decoder)\\.block\\.0.*SelfAttention.[qv]': 4,
    'Attention\\.v': 3,
    v: 6,
    nothing: 7,
  }
  const { rank, ranks, alphas } = await read({ ...minimalLora, rank_pattern: patterns, alpha_pattern: { q: 1 } })
  expect({ rank, ranks, alphas }).toEqual({
    rank: 8,
    ranks: {
      'encoder.block.0.layer.0.SelfAttention.q': 2,
      'encoder.block.0.layer.0.SelfAttention.v': 4,
      'decoder.block.0.layer.0.SelfAttention.q': 4,
      'decoder.block.0.layer.0.SelfAttention.v': 4,
      v: 6,
    },
    alphas: { q: 1 },
  })
  expect(await read({ ...minimalLora, rank_pattern: { nothing: 3 } })).not.toHaveProperty('ranks')
})

test('modules that the base does not have are ignored, as in PEFT', async () => {
  expect((await read({ ...minimalLora, target_modules: ['q', 'gate_proj'] })).targets).toEqual(['q'])
})

const rejectedSettings: [string, unknown, ...string[]][] = [
  ['bias', 'all', 'biases'],
  ['lora_bias', true],
  ['layers_to_transform', [0]],
  ['layer_replication', [[0, 1]]],
  ['modules_to_save', ['lm_head'], 'lm_head'],
  ['fan_in_fan_out', true],
  ['target_modules', '(?!.*decoder).*q', 'lookaround'],
  ['target_modules', '(q', 'regular expression'],
  ['target_modules', '.*', 'only Linears'],
  ['target_modules', 'q', 'Linear of the base'],
  ['target_modules', ['q', 'lm_head'], 'lm_head'],
  ['target_modules', ['shared'], 'shared'],
  ['target_modules', ['nothing'], 'nothing'],
  ['target_modules', []],
  ['exclude_modules', ['decoder']],
  ['init_lora_weights', 'pissa', 'pissa'],
  ['init_lora_weights', 'olora', 'olora'],
  ['init_lora_weights', 'corda', 'corda'],
  ['loftq_config', { bits: 4 }],
  ['trainable_token_indices', [1]],
  ['target_parameters', ['x']],
  ['alora_invocation_tokens', [1]],
  ['use_qalora', true, 'QALoRA'],
  ['use_rslora', 'yes'],
  ['task_type', 'CAUSAL_LM', 'CAUSAL_LM'],
  ['task_type', 'SEQ_CLS', 'a classification head instead of label words'],
  ['rank_pattern', { q: 0 }],
  ['rank_pattern', { '(?=q)q': 1 }, 'without lookaround'],
  ['alpha_pattern', ['q']],
  ['r', 0],
  ['r', 2.5],
  ['lora_alpha', 'high'],
  ['lora_alpha', null, 'a positive number, which PEFT divides by r'],
  ['arrow_config', { top_k: 2 }, 'does not know'],
  ['a_key_of_the_future', 1, 'does not know'],
  ['peft_type', 'P_TUNING', 'P_TUNING', 'LORA or IA3 or PROMPT_TUNING or PREFIX_TUNING'],
  ['peft_type', 'toString', 'toString'],
]

test.each(rejectedSettings)('%s: %j is rejected by name', async (key, value, ...words) => {
  const config = { ...libraryConfig('peft/lora_r8_a16_qv'), [key]: value }
  await expectError(read(config), 'checkpoint_config', 'adapter_config.json', key, ...words)
})

test.each([
  ['num_transformer_submodules', 3],
  ['num_virtual_tokens', 0],
  ['token_dim', 64],
  ['task_type', null],
  ['modules_to_save', ['shared']],
])('for prompt tuning, %s: %j is rejected by name', async (key, value) => {
  await expectError(read({ ...libraryConfig('peft/prompt_10'), [key]: value }), 'checkpoint_config', key)
})

test.each([
  ['num_virtual_tokens', 0],
  ['num_layers', 6],
  ['num_attention_heads', 8],
  ['token_dim', 64],
  ['prefix_projection', true],
])('for prefix tuning, %s: %j is rejected by name', async (key, value) => {
  await expectError(read({ ...libraryConfig('peft/prefix_5'), [key]: value }), 'checkpoint_config', key)
})

test.each<[string, object, object]>([
  ['as written', {}, { targets: ['wo', 'k', 'v'], feedforward: ['wo'] }],
  [
    "with PEFT's defaults",
    { target_modules: null, feedforward_modules: null },
    { targets: ['k', 'v', 'wo'], feedforward: ['wo'] },
  ],
  [
    'of only keys and values',
    { target_modules: ['k', 'v'], feedforward_modules: [] },
    { targets: ['k', 'v'], feedforward: [] },
  ],
])('IA3 %s is read', async (_, change, expected) => {
  expect(await read({ ...libraryConfig('peft/ia3'), ...change })).toEqual({ method: 'ia3', ...expected })
})

test('settings that only matter in training or describe the origin are ignored', async () => {
  const harmless = {
    lora_dropout: 0.3,
    base_model_name_or_path: '/models/t5',
    revision: 'main',
    inference_mode: false,
    init_lora_weights: 'gaussian',
    peft_version: '0.99',
    megatron_core: 'other',
    auto_mapping: { base_model_class: 'T5' },
    a_key_of_the_future: null,
    another: {},
    a_third: false,
    a_fourth: [],
  }
  expect(await read({ ...minimalLora, ...harmless })).toEqual(await read(minimalLora))
})

test('a method that PEFT does not have is not saved in its layout', async () => {
  const { method } = randomAdapter({ method: 'bottleneck' }, await tinyT5())
  expect(() => peft.toSupportedMethod(method)).toThrow('lora or ia3 or soft-prompt or prefix')
})
