import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadAdapter, saveAdapter, tensorNamesOf } from '../../checkpoint/adapter.ts'
import { readTensorFile } from '../../checkpoint/read-tensors.ts'
import type { MethodConfig } from '../../model/methods/registry.ts'
import { probe } from '../../training/probe.ts'
import { editTensors, expectError, freshPath, parityPath, randomAdapter, tinyT5 } from '../checkpoint/helpers.ts'
import { inPeft, inTorch, largestDifference, TOLERANCE, withoutPeft } from '../peft.ts'

const base = await tinyT5()
const { a, b, a_labels_masked } = JSON.parse(readFileSync(parityPath('inputs.json'), 'utf8'))
/** Rows of several lengths, some with masked labels, and one row of 300 tokens. */
const batches = { a, b, masked: { ...a, labels: a_labels_masked } }
const inputs = freshPath('inputs.json')
mkdirSync(dirname(inputs), { recursive: true })
writeFileSync(inputs, JSON.stringify(batches))

const folders: [what: string, config: MethodConfig, size: number][] = [
  ['a LoRA', { method: 'lora', rank: 4, alpha: 10, targets: ['q', 'v', 'wi', 'EncDecAttention.o'], rslora: true }, 0.1],
  ['a DoRA', { method: 'lora', rank: 3, dora: true, targets: ['k', 'v', 'wo', 'SelfAttention.o'] }, 0.1],
  ['an IA3', { method: 'ia3', targets: ['k', 'v', 'wi', 'wo'], feedforward: ['wo'] }, 0.3],
  ['a prefix', { method: 'prefix', tokens: 6 }, 0.5],
  ['a soft prompt', { method: 'soft-prompt', tokens: 7 }, 0.5],
]

describe(`the real PEFT${withoutPeft}`, () => {
  test.skipIf(withoutPeft).each(folders)(
    'computes the same as Graft with %s that Graft saved',
    async (_, config, size) => {
      const dir = freshPath('adapter')
      const saved = await saveAdapter(dir, randomAdapter(config, base, size), base)
      const [ours, plain] = [await probe(base, saved, batches, inputs), await probe(base, undefined, batches, inputs)]
      const theirs = await inPeft(base.dir, dir, inputs)
      expect(Object.keys(theirs)).toEqual(Object.keys(batches))
      for (const [batch, { logits, loss }] of Object.entries(theirs)) {
        const mine = ours.get(`${batch}.logits`)?.data ?? []
        expect(largestDifference(mine, logits.flat(2)), batch).toBeLessThan(TOLERANCE.logits)
        expect(Math.abs((ours.get(`${batch}.loss`)?.data[0] ?? Number.NaN) - loss), batch).toBeLessThan(TOLERANCE.loss)
        // Two libraries that both ignore the adapter would also agree.
        expect(largestDifference(mine, plain.get(`${batch}.logits`)?.data ?? []), batch).toBeGreaterThan(
          1000 * TOLERANCE.logits,
        )
      }
    },
  )
})

test.skipIf(withoutPeft)(`the real torch reads the pickles that Graft writes${withoutPeft}`, async () => {
  const dir = freshPath('opendelta')
  const saved = await saveAdapter(dir, { ...randomAdapter({ method: 'lora' }, base), layout: 'opendelta' }, base)
  const read = await inTorch(join(dir, 'pytorch_model.bin'))
  const names = tensorNamesOf(saved, base)
  expect(Object.keys(read)).toEqual([...names.values()])
  for (const [parameter, name] of names) expect(Float32Array.from(read[name][1])).toEqual(saved.values.get(parameter))
  expect(read['encoder.block.0.layer.0.SelfAttention.q.lora.lora_A'][0]).toEqual([8, 32])
})

describe('Graft', () => {
  test.each(folders)('rejects %s of PEFT with one renamed tensor, and names the tensor', async (_, config, size) => {
    const dir = freshPath('renamed')
    await saveAdapter(dir, randomAdapter(config, base, size), base)
    // PEFT writes no graft.json, which has the digest of the file.
    rmSync(join(dir, 'graft.json'))
    await expect(loadAdapter(dir, base)).resolves.toBeDefined()
    const path = join(dir, 'adapter_model.safetensors')
    const [name, tensor] = [...(await readTensorFile(path)).tensors][0]
    await editTensors(path, (tensors) => {
      tensors.delete(name)
      tensors.set(`${name}_old`, tensor)
    })
    await expectError(loadAdapter(dir, base), 'checkpoint_tensors', `${name} [`, `${name}_old [`)
  })
})
