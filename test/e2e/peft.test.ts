import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadAdapter, saveAdapter } from '../../checkpoint/adapter.ts'
import { readSafetensors } from '../../checkpoint/safetensors.ts'
import type { MethodConfig } from '../../model/methods/registry.ts'
import { probe } from '../../training/probe.ts'
import { editTensors, expectError, freshPath, parity, tinyT5, tuned } from '../checkpoint/helpers.ts'
import { inPeft, largestDifference, TOLERANCE, withoutPeft } from '../peft.ts'

const base = await tinyT5()
const { a, b, a_labels_masked } = JSON.parse(readFileSync(parity('inputs.json'), 'utf8'))
/** Rows of several lengths, with labels that count and with some that do not; and one of 300 tokens. */
const batches = { a, b, masked: { ...a, labels: a_labels_masked } }
const inputs = freshPath('inputs.json')
mkdirSync(dirname(inputs), { recursive: true })
writeFileSync(inputs, JSON.stringify(batches))

const folders: [what: string, config: MethodConfig, size: number][] = [
  ['a LoRA', { method: 'lora', rank: 4, alpha: 10, targets: ['q', 'v', 'wi', 'EncDecAttention.o'], rslora: true }, 0.1],
  ['a soft prompt', { method: 'soft-prompt', tokens: 7 }, 0.5],
]

describe(`the real PEFT${withoutPeft}`, () => {
  test.skipIf(withoutPeft).each(folders)(
    'computes with %s that Graft saved what Graft computes',
    async (_, config, size) => {
      const dir = freshPath('adapter')
      const saved = await saveAdapter(dir, tuned(config, base, size), base)
      const [ours, plain] = [await probe(base, saved, batches, inputs), await probe(base, undefined, batches, inputs)]
      const theirs = await inPeft(base.dir, dir, inputs)
      expect(Object.keys(theirs)).toEqual(Object.keys(batches))
      for (const [batch, { logits, loss }] of Object.entries(theirs)) {
        const mine = ours.get(`${batch}.logits`)?.data ?? []
        expect(largestDifference(mine, logits.flat(2)), batch).toBeLessThan(TOLERANCE.logits)
        expect(Math.abs((ours.get(`${batch}.loss`)?.data[0] ?? Number.NaN) - loss), batch).toBeLessThan(TOLERANCE.loss)
        // Two libraries that both pass over the adapter would agree, too.
        expect(largestDifference(mine, plain.get(`${batch}.logits`)?.data ?? []), batch).toBeGreaterThan(
          1000 * TOLERANCE.logits,
        )
      }
    },
  )
})

describe('Graft', () => {
  test.each(folders)('refuses %s of PEFT with one tensor renamed, and names it', async (_, config, size) => {
    const dir = freshPath('renamed')
    await saveAdapter(dir, tuned(config, base, size), base)
    // As PEFT leaves it: without what Graft adds, and would know the file by.
    rmSync(join(dir, 'graft.json'))
    await expect(loadAdapter(dir, base)).resolves.toBeDefined()
    const path = join(dir, 'adapter_model.safetensors')
    const [name, tensor] = [...(await readSafetensors(path)).tensors][0]
    await editTensors(path, (tensors) => {
      tensors.delete(name)
      tensors.set(`${name}_old`, tensor)
    })
    await expectError(loadAdapter(dir, base), 'checkpoint_tensors', `${name} [`, `${name}_old [`)
  })
})
