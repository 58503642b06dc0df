import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { loadAdapter } from '../../checkpoint/adapter.ts'
import { inspectFolder } from '../../checkpoint/inspect.ts'
import { probe } from '../../training/probe.ts'
import { expectError, freshPath, parityPath, tinyFlan, tinyT5 } from '../checkpoint/helpers.ts'
import { inLibrary, largestDifference, runPython, TOLERANCE, without } from './libraries.ts'

const why = without('adapterhub')

describe.skipIf(why)(`folders that AdapterHub saves with a head${why}`, () => {
  const out = freshPath('heads')
  const inputs = join(out, 'inputs.json')

  beforeAll(async () => {
    mkdirSync(out, { recursive: true })
    const { a, b } = JSON.parse(readFileSync(parityPath('inputs.json'), 'utf8'))
    writeFileSync(inputs, JSON.stringify({ a, b }))
    const script = join(import.meta.dirname, 'save_heads.py')
    await runPython('adapterhub', [script, parityPath('tiny-t5'), parityPath('tiny-flan'), out])
  }, 120_000)

  test.each([
    [['words', 'tied'], 'pytorch_model_head.bin', tinyT5],
    [['untied'], 'model_head.safetensors', tinyFlan],
  ])('load and compute the same with the head of the base: %s', async (names, head, loadBase) => {
    const base = await loadBase()
    const dirs = names.map((name) => join(out, name))
    const theirs = await inLibrary('adapterhub', base.dir, inputs, dirs)
    for (const dir of dirs) {
      expect(readdirSync(dir)).toEqual(expect.arrayContaining(['head_config.json', head]))
      const ours = await probe(base, await loadAdapter(dir, base), JSON.parse(readFileSync(inputs, 'utf8')), inputs)
      for (const [batch, numbers] of Object.entries(theirs[dir])) {
        const logits = numbers.logits.flat(2)
        const scale = Math.max(1, ...logits.map(Math.abs))
        const difference = largestDifference(ours.get(`${batch}.logits`)?.data ?? [], logits)
        expect(difference).toBeLessThan(TOLERANCE.logits * scale)
      }
      expect(await inspectFolder(dir, base)).toMatchObject({ head: 'seq2seq_lm', loads: true, problems: [] })
    }
  })

  test('a head of a classifier is refused by its type', async () => {
    const [dir, base] = [join(out, 'classes'), await tinyT5()]
    await expectError(loadAdapter(dir, base), 'checkpoint_config', '"classification"', 'add_seq2seq_lm_head')
    expect(await inspectFolder(dir, base)).toMatchObject({ head: 'classification', loads: false })
  })
})
