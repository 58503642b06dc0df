import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadAdapter, saveAdapter } from '../../checkpoint/adapter.ts'
import { makeProbeSettings, probeAdapter } from '../../checkpoint/probe-logits.ts'
import { readTensorFile } from '../../checkpoint/read-tensors.ts'
import { modelOf } from '../../model/architectures.ts'
import { baseAt, freshPath, parityPath, randomAdapter, tinyFlan, tinyT5 } from './helpers.ts'

interface Batch {
  input_ids: number[][]
  attention_mask: number[][]
}

const { a } = JSON.parse(readFileSync(parityPath('inputs.json'), 'utf8')) as { a: Batch }
const inputs = a.input_ids.map((row, i) => row.slice(0, a.attention_mask[i].lastIndexOf(1) + 1))
const ids = Array.from({ length: 384 }, (_, i) => i)

test.each([
  'peft/lora_r8_a16_qv/checkpoint',
  'peft/lora_r4_a32_rslora_qv/checkpoint',
  'peft/flan_lora_r8_a16_qv/checkpoint',
  'peft/prompt_10/checkpoint',
  'peft/flan_prompt_10_sub1/checkpoint',
  'adapterhub/seq_bn_b8/safetensors',
  'adapterhub/flan_double_seq_bn_b8/safetensors',
  'adapterhub/lora_r8_a16/safetensors',
])('%s computes the same logits as its library', async (dir) => {
  const base = await (dir.includes('flan') ? tinyFlan() : tinyT5())
  const { method, values } = await loadAdapter(parityPath(dir), base)
  const probe = await probeAdapter(base, method, values, { inputs, ids }, dir)
  for (const [logits, reference] of [
    [probe.logits, join(dir, '..')],
    [probe.base_logits, `base/${base.name}`],
  ] as const) {
    const expected = (await readTensorFile(parityPath(`${reference}/reference.safetensors`))).tensors.get('a.logits')!
    const [, steps, vocabulary] = expected.shape
    for (const [i, row] of logits.entries())
      for (const [j, logit] of row.entries())
        expect(Math.abs(logit - expected.data[i * steps * vocabulary + j])).toBeLessThan(5e-5)
  }
})

test('the probe is the same for every base with the same vocabulary, and each text has an end', async () => {
  const model = modelOf(await tinyT5())
  const settings = makeProbeSettings(model)
  expect(settings).toEqual(makeProbeSettings(model))
  expect(settings.inputs.map((row) => row.at(-1))).toEqual([1, 1, 1])
  expect(settings.inputs.flat().every((id) => id >= 0 && id < model.vocabSize)).toBe(true)
  expect(settings.ids).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  expect(makeProbeSettings(model, [65, 41]).ids).toEqual([65, 41])
})

test('loading an adapter of the embedded base, including its check, is quick', async () => {
  const base = await baseAt(join(import.meta.dirname, '../../base'))
  const dir = freshPath()
  await saveAdapter(dir, randomAdapter({ method: 'lora' }, base), base)
  await loadAdapter(dir, base)
  const start = performance.now()
  await loadAdapter(dir, base)
  // It takes about 30 ms on an idle machine. The rest is a margin for a busy one.
  expect(performance.now() - start).toBeLessThan(3000)
})
