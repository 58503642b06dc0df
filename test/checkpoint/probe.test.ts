import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadAdapter, saveAdapter } from '../../checkpoint/adapter.ts'
import { probeAdapter, probeSettings } from '../../checkpoint/probe-logits.ts'
import { readSafetensors } from '../../checkpoint/safetensors.ts'
import { baseAt, freshPath, parity, tinyFlan, tinyT5, tuned } from './helpers.ts'

interface Batch {
  input_ids: number[][]
  attention_mask: number[][]
}

const { a } = JSON.parse(readFileSync(parity('inputs.json'), 'utf8')) as { a: Batch }
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
])('%s computes what its library computes', async (dir) => {
  const base = await (dir.includes('flan') ? tinyFlan() : tinyT5())
  const { method, values } = await loadAdapter(parity(dir), base)
  const probe = await probeAdapter(base, method, values, { inputs, ids }, dir)
  for (const [logits, reference] of [
    [probe.logits, join(dir, '..')],
    [probe.base_logits, `base/${base.name}`],
  ] as const) {
    const expected = (await readSafetensors(parity(`${reference}/reference.safetensors`))).tensors.get('a.logits')!
    const [, steps, vocabulary] = expected.shape
    for (const [i, row] of logits.entries())
      for (const [j, logit] of row.entries())
        expect(Math.abs(logit - expected.data[i * steps * vocabulary + j])).toBeLessThan(5e-5)
  }
})

test('the probe is the same for every base of one vocabulary, and ends each text', async () => {
  const { t5 } = await tinyT5()
  const settings = probeSettings(t5)
  expect(settings).toEqual(probeSettings(t5))
  expect(settings.inputs.map((row) => row.at(-1))).toEqual([1, 1, 1])
  expect(settings.inputs.flat().every((id) => id >= 0 && id < t5.vocabSize)).toBe(true)
  expect(settings.ids).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  expect(probeSettings(t5, [65, 41]).ids).toEqual([65, 41])
})

test('saving and loading on the embedded base, probes included, is quick', async () => {
  const base = await baseAt(join(import.meta.dirname, '../../base'))
  const dir = freshPath()
  await saveAdapter(dir, tuned({ method: 'lora' }, base), base)
  await loadAdapter(dir, base)
  const start = performance.now()
  await loadAdapter(dir, base)
  // About 30 ms alone; the rest is room for whatever else the machine does.
  expect(performance.now() - start).toBeLessThan(1000)
})
