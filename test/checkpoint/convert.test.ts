import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadAdapter, saveAdapter } from '../../checkpoint/adapter.ts'
import { loadBase } from '../../checkpoint/base.ts'
import { convertAdapter } from '../../checkpoint/convert.ts'
import { inspectFolder } from '../../checkpoint/inspect.ts'
import { mergeInto } from '../../checkpoint/merge.ts'
import { makeProbeSettings, probeAdapter } from '../../checkpoint/probe-logits.ts'
import { readTensorFile } from '../../checkpoint/read-tensors.ts'
import { modelOf } from '../../model/architectures.ts'
import type { MethodConfig } from '../../model/methods/registry.ts'
import { expectNear, maxDifference } from '../model/references.ts'
import { copyFolder, editJson, expectError, freshPath, parityPath, randomAdapter, tinyFlan, tinyT5 } from './helpers.ts'

const fields = {
  label_words: { negative: 'bad', positive: 'good' },
  labels: ['negative', 'positive'],
  temperature: 1.5,
}

async function save(config: MethodConfig, layout?: string): Promise<string> {
  const base = await tinyT5()
  const dir = freshPath()
  await saveAdapter(dir, { ...randomAdapter(config, base), layout }, base, fields)
  return dir
}

const gelu = { method: 'bottleneck', variant: 'double_seq_bn', activation: 'gelu' }

const conversions: [string, string, MethodConfig, ...string[]][] = [
  ['LoRA', 'peft', { method: 'lora', targets: ['q', 'v'] }, 'adapterhub', 'adapterhub-bin', 'opendelta', 'peft'],
  ['LoRA of some Linears', 'peft', { method: 'lora', targets: ['SelfAttention.q', 'wo'] }, 'opendelta', 'peft'],
  ['rsLoRA', 'peft', { method: 'lora', rank: 3, rslora: true }, 'adapterhub', 'opendelta', 'peft'],
  ['a soft prompt', 'peft', { method: 'soft-prompt', tokens: 4 }, 'opendelta', 'peft'],
  [
    'a soft prompt with an unused half',
    'peft',
    { method: 'soft-prompt', tokens: 4, submodules: 2 },
    'opendelta',
    'peft',
  ],
  ['double_seq_bn with gelu', 'adapterhub', gelu, 'opendelta', 'adapterhub-bin', 'adapterhub'],
  ['the same also after cross-attention', 'adapterhub', { ...gelu, cross_attention: true }, 'opendelta', 'adapterhub'],
]

test.each(conversions)(
  '%s, saved for %s, is written for the other libraries, and back',
  async (_, layout, config, ...to) => {
    const base = await tinyT5()
    let dir = await save(config, layout)
    const original = await loadAdapter(dir, base)
    for (const format of to) {
      const [out, again] = [freshPath(), freshPath()]
      const written = await convertAdapter(dir, base, format, out)
      const loaded = await loadAdapter(out, base)
      expect(loaded).toEqual(written)
      expect(loaded.manifest).toMatchObject(fields)
      await saveAdapter(again, loaded, base)
      for (const file of readdirSync(out))
        expect(readFileSync(join(again, file)).equals(readFileSync(join(out, file))), `${format}, ${file}`).toBe(true)
      dir = out
    }
    const back = await loadAdapter(dir, base)
    const settings = makeProbeSettings(modelOf(base))
    const [before, after] = await Promise.all(
      [original, back].map(({ method, values }) => probeAdapter(base, method, values, settings, 'x')),
    )
    expectNear(Float32Array.from(after.logits.flat()), before.logits.flat(), 1e-4, 'logits')
  },
)

test.each<[string, MethodConfig, string, string]>([
  ['seq_bn', { method: 'bottleneck', variant: 'seq_bn' }, 'opendelta', 'only they read f'],
  ['par_bn', { method: 'bottleneck', variant: 'par_bn' }, 'opendelta', 'only they read f'],
  [
    'a scaled double_seq_bn',
    { method: 'bottleneck', variant: 'double_seq_bn', activation: 'gelu', scaling: 2 },
    'opendelta',
    'scaling',
  ],
  ['double_seq_bn with silu', { method: 'bottleneck', variant: 'double_seq_bn' }, 'opendelta', 'activation'],
  ['DoRA', { method: 'lora', dora: true }, 'adapterhub', 'dora'],
  ['DoRA', { method: 'lora', dora: true }, 'opendelta', 'dora'],
  ['LoRA', { method: 'lora', ranks: { v: 2 } }, 'opendelta', 'ranks'],
  ['LoRA', { method: 'lora', alphas: { v: 2 } }, 'adapterhub', 'alphas'],
  ['IA3', { method: 'ia3' }, 'opendelta', 'bottleneck, lora or soft-prompt'],
  ['a prefix', { method: 'prefix' }, 'adapterhub', 'bottleneck or lora'],
  ['a soft prompt', { method: 'soft-prompt' }, 'adapterhub', 'bottleneck or lora'],
  ['a soft prompt', { method: 'soft-prompt' }, 'merged', 'adds to the computation'],
  ['a bottleneck', { method: 'bottleneck' }, 'merged', 'adds to the computation'],
])('%s %j is refused for %s, with the reason, and nothing is written', async (_, config, format, reason) => {
  const out = freshPath()
  await expectError(convertAdapter(await save(config), await tinyT5(), format, out), 'checkpoint_config', reason)
  expect(existsSync(out)).toBe(false)
})

describe('a merged model', () => {
  test.each<[string, MethodConfig]>([
    ['LoRA', { method: 'lora', targets: ['q', 'k', 'v', 'o', 'wi', 'wo'] }],
    ['DoRA', { method: 'lora', dora: true, targets: ['q', 'k', 'v', 'o', 'wi', 'wo'] }],
    ['LoRA with ranks and alphas', { method: 'lora', ranks: { q: 2 }, alphas: { 'SelfAttention.v': 40 } }],
    ['IA3', { method: 'ia3' }],
  ])('of %s is a base that computes the same by itself', async (_, config) => {
    const base = await tinyT5()
    const [dir, out] = [await save(config), freshPath()]
    await convertAdapter(dir, base, 'merged', out)
    const merged = await loadBase(out)
    const settings = makeProbeSettings(modelOf(base))
    const { method, values } = await loadAdapter(dir, base)
    const { logits, base_logits } = await probeAdapter(base, method, values, settings, 'x')
    const own = await probeAdapter(merged, { method: 'full' }, merged.tensors, settings, 'x')
    expectNear(Float32Array.from(own.base_logits.flat()), logits.flat(), 1e-4, 'logits')
    expect(maxDifference(Float32Array.from(logits.flat()), Float32Array.from(base_logits.flat()))).toBeGreaterThan(0.01)
  })

  test.each(['lora_r8_a16_qv', 'dora_r4_a8_qv', 'ia3', 'flan_lora_r8_a16_all'])(
    'of %s has the weights that PEFT merges',
    async (name) => {
      const base = name.startsWith('flan') ? await tinyFlan() : await tinyT5()
      const { values } = await mergeInto(base, await loadAdapter(parityPath(`peft/${name}/checkpoint`), base))
      const { tensors } = await readTensorFile(parityPath(`peft/${name}/merged_sample.safetensors`))
      expect(tensors.size).toBeGreaterThan(0)
      for (const [tensor, { data }] of tensors) expectNear(values.get(tensor) as Float32Array, data, 2e-6, tensor)
    },
  )
})

describe('inspection', () => {
  test.each<[string, object]>([
    ['peft/ia3/checkpoint', { layout: 'peft', version: '0.21.2', base_named: 'tiny-t5', method: { method: 'ia3' } }],
    ['adapterhub/flex_head_seq_bn_b8/bin', { layout: 'adapterhub-bin', version: 'adapters.1.3.0', trainable: 2760 }],
    ['opendelta/lora_r8/checkpoint', { layout: 'opendelta', version: '0.3.0', base_named: 'tiny-t5' }],
    ['tiny-t5', { layout: 'full', method: { method: 'full' } }],
  ])('says what %s is', async (path, expected) => {
    const found = await inspectFolder(parityPath(path), await tinyT5())
    expect(found).toMatchObject({ ...expected, has_manifest: false, problems: [] })
    expect(found.loads).toBe(true)
    expect(found.weights).toEqual([
      { file: expect.any(String), tensors: expect.any(Number), parameters: expect.any(Number) },
    ])
  })

  test('lists every reason why a folder does not load', async () => {
    const dir = copyFolder(parityPath('peft/lora_r8_a16_qv/checkpoint'))
    editJson(join(dir, 'adapter_config.json'), (json) => {
      json.bias = 'all'
    })
    const found = await inspectFolder(dir, await tinyT5())
    expect(found).toMatchObject({
      layout: 'peft',
      version: '0.21.2',
      loads: false,
      problems: [{ code: 'checkpoint_config' }],
    })
    expect(found.weights[0].tensors).toBeGreaterThan(10)
  })
})
