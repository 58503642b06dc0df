import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Tensor } from '@huggingface/transformers'
import { describe, expect, test } from 'vitest'
import { loadAdapter } from '../../../checkpoint/adapter.ts'
import { loadBase } from '../../../checkpoint/base.ts'
import { expectedLogits } from '../../../checkpoint/onnx/step-probe.ts'
import { stepsOf } from '../../../checkpoint/onnx/steps.ts'
import type { MethodConfig } from '../../../model/methods/registry.ts'
import { exportFolder } from '../../../platform/offline/checkpoints.ts'
import { expectNear } from '../../model/references.ts'
import { tinyBase } from '../../training/tiny.ts'
import { expectError, freshPath, parityPath } from '../helpers.ts'
import { loadModel, saveRandom, tinyFlanBase, toRows } from './helpers.ts'

const EVERY = ['q', 'k', 'v', 'o', 'wi', 'wo']

const methods: [string, MethodConfig, boolean][] = [
  ['LoRA', { method: 'lora' }, true],
  ['DoRA on every Linear', { method: 'lora', dora: true, targets: EVERY }, true],
  ['IA3', { method: 'ia3' }, true],
  ['a full model', { method: 'full' }, true],
  ['seq_bn', { method: 'bottleneck' }, false],
  [
    'double_seq_bn after cross-attention as well',
    { method: 'bottleneck', variant: 'double_seq_bn', cross_attention: true },
    false,
  ],
  ["OpenDelta's adapter", { method: 'bottleneck', variant: 'opendelta' }, false],
  ['a soft prompt', { method: 'soft-prompt', tokens: 4 }, false],
  ['a soft prompt with an unused half', { method: 'soft-prompt', tokens: 3, submodules: 2 }, false],
  ['a prefix', { method: 'prefix', tokens: 3 }, false],
]

const texts = [
  [5, 9, 3, 12, 7, 20, 1],
  [8, 4, 1],
  [6, 6, 30, 2, 1],
]
const IDS = [3, 4, 17, 100, 383]
const pad = (row: number[]) => [...row, ...Array<number>(7 - row.length).fill(0)]

/** The largest difference from Graft's own logits. */
const TOLERANCE = 1e-4

describe.each([
  ['T5', tinyBase],
  ['FLAN-T5', tinyFlanBase],
])('of a %s', (_, baseFolder) => {
  test.each(methods)('%s computes the same logits in transformers.js, also with a cache', async (_, config, merged) => {
    const folder = baseFolder()
    const targets =
      config.targets && folder !== tinyBase() ? ['q', 'k', 'v', 'o', 'wi_0', 'wi_1', 'wo'] : config.targets
    const base = await loadBase(folder)
    const dir = await saveRandom(base, targets ? { ...config, targets } : config)
    const out = freshPath('exported')
    const exported = await exportFolder(dir, 'onnx', out, folder)
    expect(exported).toMatchObject({ layout: 'onnx', method: { method: config.method }, onnx: { merged } })

    const { method, values } = await loadAdapter(dir, base)
    const all = new Map([...base.tensors, ...values])
    const expected = await expectedLogits(stepsOf(base), method, all, { inputs: texts, ids: IDS })
    const model = await loadModel(out, 'fp32')
    const inputs = {
      input_ids: toRows(texts.map(pad)),
      attention_mask: toRows(texts.map((row) => pad(row).map((_, i) => Number(i < row.length)))),
    }
    const start = stepsOf(base).parts.startTokenId
    // The first step has no cache, and the others have one.
    let past: unknown
    for (const [step, token] of [start, ...IDS.slice(0, 2)].entries()) {
      const decoder_input_ids = toRows(texts.map(() => [token]))
      const output = await model({ ...inputs, decoder_input_ids, past_key_values: past })
      const { logits } = output as { logits: Tensor }
      const vocabulary = logits.dims[2]
      const found = texts.flatMap((_, i) => IDS.map((id) => Number(logits.data[i * vocabulary + id])))
      expectNear(found, expected[step].flat(), TOLERANCE, `step ${step}`)
      past = pastOf(output)
    }
    // All of them at once, each without those after it.
    const decoder_input_ids = toRows(texts.map(() => [start, ...IDS.slice(0, 2)]))
    const { logits } = (await model({ ...inputs, decoder_input_ids })) as { logits: Tensor }
    const [, length, vocabulary] = logits.dims
    for (const [step, rows] of expected.entries()) {
      const at = (row: number, id: number) => Number(logits.data[(row * length + step) * vocabulary + id])
      const found = texts.flatMap((_, i) => IDS.map((id) => at(i, id)))
      expectNear(found, rows.flat(), TOLERANCE, `position ${step}`)
    }
    await model.dispose()
  })
})

/** Returns the cache of an output, as `generate` keeps it. */
const pastOf = (output: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(output)
      .filter(([name]) => name.startsWith('present'))
      .map(([name, value]) => [name.replace('present', 'past_key_values'), value]),
  )

test('transformers.js generates the tokens that are most probable to Graft', async () => {
  const base = await loadBase(tinyBase())
  const dir = await saveRandom(base, { method: 'soft-prompt', tokens: 4 })
  const out = freshPath('exported')
  await exportFolder(dir, 'onnx', out, tinyBase())
  const model = await loadModel(out, 'fp32')
  const inputs = { input_ids: toRows([texts[0]]), attention_mask: toRows([texts[0].map(() => 1)]) }
  const generated = (await model.generate({ ...inputs, max_new_tokens: 2 } as never)) as Tensor
  await model.dispose()

  const { method, values } = await loadAdapter(dir, base)
  const all = new Map([...base.tensors, ...values])
  /** Returns the most probable token of a step of the decoder, whose second step reads `first`. */
  const mostProbable = async (step: number, first: number) => {
    const ids = [first, ...Array.from({ length: 384 }, (_, id) => id).filter((id) => id !== first)]
    const [row] = (await expectedLogits(stepsOf(base), method, all, { inputs: [texts[0]], ids }))[step]
    return ids[row.indexOf(Math.max(...row))]
  }
  const first = await mostProbable(0, 0)
  expect([...generated.data].map(Number)).toEqual([0, first, await mostProbable(1, first)])
})

test('the folder has the files that transformers.js and readers need', async () => {
  const base = await loadBase(tinyBase())
  const out = freshPath('exported')
  await exportFolder(await saveRandom(base, { method: 'lora' }), 'onnx', out, tinyBase())
  expect(readdirSync(out).sort()).toEqual([
    'README.md',
    'classify.js',
    'config.json',
    'generation_config.json',
    'onnx',
    'tokenizer.json',
    'tokenizer_config.json',
  ])
  const graphs = ['decoder_model', 'decoder_model_merged', 'decoder_with_past_model', 'encoder_model']
  expect(readdirSync(join(out, 'onnx')).sort()).toEqual(
    graphs.flatMap((name) => [`${name}.onnx`, `${name}_quantized.onnx`]).sort(),
  )
  const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'))
  expect(config).toMatchObject({
    model_type: 't5',
    num_decoder_layers: 2,
    is_encoder_decoder: true,
    graft: {
      base: { name: base.name, fingerprint: base.fingerprint },
      method: 'lora',
      labels: ['negative', 'positive'],
      label_words: { negative: 'worst', positive: 'excellent' },
      token_ids: [4, 3],
      temperature: 1.5,
      truncation: { max_tokens: 40, side: 'middle' },
      frame: { before: [], after: [1] },
    },
  })
  await expectError(loadBase(out), 'base_incomplete', 'as ONNX')
  const readme = readFileSync(join(out, 'README.md'), 'utf8')
  expect(readme).toContain(readFileSync(join(out, 'classify.js'), 'utf8'))
  expect(readme).toContain('| `negative` | `worst` | 4 |')
})

test('a base without a tokenizer and a folder in use are refused, and nothing is written', async () => {
  const lora = parityPath('peft/lora_r8_a16_qv/checkpoint')
  const out = freshPath('exported')
  const withoutWords = exportFolder(lora, 'onnx', out, parityPath('tiny-t5'))
  await expectError(withoutWords, 'label_words', 'graft-base.json')
  expect(existsSync(out)).toBe(false)
  await expectError(exportFolder(lora, 'onnx', lora, tinyBase()), 'output_exists', 'checkpoint')
})
