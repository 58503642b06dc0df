import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadAdapter, saveAdapter } from '../../checkpoint/adapter.ts'
import { readManifest } from '../../checkpoint/manifest.ts'
import { encodeSafetensors } from '../../checkpoint/safetensors.ts'
import { GraftError } from '../../core/errors.ts'
import { copyFolder, editJson, expectError, freshPath, parityPath, randomAdapter, tinyT5 } from './helpers.ts'

const WEIGHTS = 'adapter_model.safetensors'
const PEFT = 'peft/lora_r8_a16_qv/checkpoint'

/** Saves an adapter with a manifest, as training does. */
async function saveRandomAdapter(fields = {}): Promise<string> {
  const dir = freshPath('adapter')
  await saveAdapter(dir, randomAdapter({ method: 'lora' }, await tinyT5()), await tinyT5(), fields)
  return dir
}
const saved = await saveRandomAdapter()

type Json = Record<string, unknown>
const manyLabels = (count: number): Json =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`label ${i}`, 'word']))

describe('a graft.json is rejected that has', () => {
  test.each<[what: string, change: (manifest: { probe: Json } & Json) => void, words: string[]]>([
    ['more logits than a probe needs', ({ probe }) => Object.assign(probe, { ids: Array(65).fill(5) }), ['probe.ids']],
    ['too many probe inputs', ({ probe }) => Object.assign(probe, { inputs: Array(17).fill([1]) }), ['probe.inputs']],
    ['no logits', ({ probe }) => Object.assign(probe, { logits: [] }), ['probe.logits', 'a row for each input']],
    [
      'logits of fewer ids',
      ({ probe }) =>
        Object.assign(probe, { base_logits: (probe.base_logits as number[][]).map((row) => row.slice(1)) }),
      ['probe.base_logits', 'a row for each input'],
    ],
    ['too many label words', (m) => Object.assign(m, { label_words: manyLabels(1001) }), ['at most 1000 labels']],
    ['a long label', (m) => Object.assign(m, { label_words: { ['a'.repeat(101)]: 'word' } }), ['label_words']],
    ['a label without characters', (m) => Object.assign(m, { label_words: { '': 'word' } }), ['label_words']],
    ['a label that changes a terminal', (m) => Object.assign(m, { labels: ['\u001b[31mred'] }), ['labels.0']],
    ['a label that changes the direction of text', (m) => Object.assign(m, { labels: ['\u202egood'] }), ['labels.0']],
    ['a label with a NUL', (m) => Object.assign(m, { label_words: { 'a\0': 'word' } }), ['label_words']],
    ['a long label word', (m) => Object.assign(m, { label_words: { a: 'w'.repeat(101) } }), ['label_words.a']],
    ['large metrics', (m) => Object.assign(m, { metrics: { note: 'x'.repeat(2 ** 16) } }), ['metrics', '65536 bytes']],
    ['large records', (m) => Object.assign(m, { training: { note: 'é'.repeat(2 ** 15) } }), ['metrics', '65536 bytes']],
    ['a long name of the base', (m) => Object.assign(m.base as Json, { name: 'b'.repeat(256) }), ['base.name']],
    ['no room for text', (m) => Object.assign(m, { truncation: { max_tokens: 1, side: 'left' } }), ['at least 2']],
    ['a temperature that hides every difference', (m) => Object.assign(m, { temperature: 1e308 }), ['temperature']],
    [
      'a temperature that makes every answer certain',
      (m) => Object.assign(m, { temperature: 1e-308 }),
      ['temperature'],
    ],
    ['more than a megabyte', (m) => Object.assign(m, { unknown: 'x'.repeat(2 ** 20) }), ['at most 1048576 bytes']],
  ])('%s', async (_, change, words) => {
    const dir = copyFolder(saved)
    editJson(join(dir, 'graft.json'), change as (json: Json) => void)
    await expectError(loadAdapter(dir, await tinyT5()), 'checkpoint_corrupt', 'graft.json', ...words)
  })
})

test('a graft.json with as many labels as allowed is read', async () => {
  const dir = copyFolder(saved)
  const words = manyLabels(1000)
  editJson(join(dir, 'graft.json'), (json) => Object.assign(json, { label_words: words, labels: Object.keys(words) }))
  expect((await readManifest(dir))?.labels).toHaveLength(1000)
})

test.each(['graft.json', 'adapter_config.json'])('%s is rejected if it is large, deep or a folder', async (name) => {
  const dir = copyFolder(saved)
  const path = join(dir, name)
  const base = await tinyT5()
  const config = JSON.parse(readFileSync(path, 'utf8')) as Json
  const text = JSON.stringify({ ...config, metrics: 'DEEP' })
  writeFileSync(path, text.replace('"DEEP"', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`))
  await expectError(loadAdapter(dir, base), 'checkpoint_corrupt', name, 'at most 64 levels')
  truncateSync(path, 2 ** 40)
  await expectError(loadAdapter(dir, base), 'checkpoint_corrupt', name, 'at most 1048576 bytes')
  rmSync(path)
  mkdirSync(path)
  await expectError(loadAdapter(dir, base), 'checkpoint_corrupt', name, 'a folder')
})

test('an adapter with many labels stores logits for some of them, and loads again', async () => {
  const dir = await saveRandomAdapter({ probe_ids: Array.from({ length: 90 }, (_, i) => i) })
  const { manifest } = await loadAdapter(dir, await tinyT5())
  expect(manifest?.probe.ids).toHaveLength(64)
  expect(manifest?.probe.logits[0]).toHaveLength(64)
})

/** Replaces a file by one with this header and as much data, which takes no space: reading it would fail. */
function writeHugeFile(path: string, tensors: Record<string, { dtype: string; shape: number[]; bytes: number }>): void {
  let end = 0
  const entries = Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
    const begin = end
    end += bytes
    return [name, { dtype, shape, data_offsets: [begin, end] }]
  })
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)))
  const head = Buffer.alloc(8)
  head.writeBigUInt64LE(BigInt(json.length))
  writeFileSync(path, Buffer.concat([head, json]))
  truncateSync(path, 8 + json.length + end)
}

/** A tensor of two terabytes. */
const HUGE = { dtype: 'F16', shape: [2 ** 40], bytes: 2 ** 41 }

describe('before any data is read,', () => {
  test('the tensors of an adapter are compared with its configuration', async () => {
    const dir = copyFolder(parityPath(PEFT))
    const name = 'base_model.model.encoder.block.0.layer.0.SelfAttention.q.lora_A.weight'
    writeHugeFile(join(dir, WEIGHTS), { x: HUGE })
    await expectError(loadAdapter(dir, await tinyT5()), 'checkpoint_tensors', 'is missing', 'instead it contains x')
    writeHugeFile(join(dir, WEIGHTS), { [name]: HUGE })
    await expectError(loadAdapter(dir, await tinyT5()), 'checkpoint_tensors', 'is missing')
    writeHugeFile(join(dir, WEIGHTS), { [name]: { ...HUGE, dtype: 'I64', bytes: 2 ** 43 } })
    await expectError(loadAdapter(dir, await tinyT5()), 'checkpoint_tensors', 'I64')
  })

  test('the shapes of an adapter are compared with its configuration', async () => {
    const base = await tinyT5()
    const { values } = await loadAdapter(parityPath('peft/prompt_10/checkpoint'), base)
    expect([...values.keys()]).toEqual(['prompt_embeddings'])
    const dir = copyFolder(parityPath('peft/prompt_10/checkpoint'))
    writeHugeFile(join(dir, WEIGHTS), { prompt_embeddings: HUGE })
    await expectError(loadAdapter(dir, base), 'checkpoint_tensors', 'shape [20, 32]', `shape [${2 ** 40}]`)
  })

  test.each([
    'shared.weight',
    'decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight',
    'lm_head.weight',
  ])('a full model is rejected if %s does not have the shape of its configuration', async (name) => {
    const dir = copyFolder(parityPath('tiny-t5'))
    const { tensors } = await tinyT5()
    const shapes = [...tensors].map(([key, data]) => [
      key,
      { dtype: 'F32', shape: [data.length], bytes: data.byteLength },
    ])
    writeHugeFile(join(dir, 'model.safetensors'), { ...Object.fromEntries(shapes), [name]: HUGE })
    await expectError(loadAdapter(dir, await tinyT5()), 'checkpoint_tensors', 'model.safetensors')
  })

  test('a full model whose configuration asks for more than the base has is rejected', async () => {
    const dir = copyFolder(parityPath('tiny-t5'))
    editJson(join(dir, 'config.json'), (json) => Object.assign(json, { num_layers: 10 ** 9 }))
    await expectError(loadAdapter(dir, await tinyT5()), 'base_incomplete', 'num_layers', '1000')
  })
})

test('a header with too many bytes, too many tensors or a long name is rejected', async () => {
  const dir = copyFolder(parityPath(PEFT))
  const base = await tinyT5()
  const none = { shape: [0], data: new Float32Array() }
  const write = (names: readonly string[]) =>
    writeFileSync(join(dir, WEIGHTS), Buffer.concat(encodeSafetensors(new Map(names.map((name) => [name, none])))))
  write(Array.from({ length: 10_001 }, (_, i) => `t${i}`))
  await expectError(loadAdapter(dir, base), 'checkpoint_tensors', 'at most 10000 tensors', '10001')
  write(Array.from({ length: 30_000 }, (_, i) => `t${i}`))
  await expectError(loadAdapter(dir, base), 'checkpoint_corrupt', 'a header of at most 1048576 bytes')
  write(['\\'.repeat(200_000)])
  await expectError(loadAdapter(dir, base), 'checkpoint_corrupt', 'names of at most 1000 characters')
})

/** A value that replaces another one somewhere in a manifest. */
const replacement = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(-1, 0.5, 2 ** 53, 1e308, '', '\0', '__proto__', '\u202e', [[]], {}, null),
  fc.integer({ min: 0, max: 2000 }).map((length) => Array<number>(length).fill(7)),
  fc.integer({ min: 0, max: 2000 }).map((length) => 'w'.repeat(length)),
  fc.integer({ min: 0, max: 2000 }).map(manyLabels),
)

/** Replaces a value at the end of a random walk through the manifest, or adds one. */
function spoil(manifest: Json, walk: readonly number[], value: unknown): void {
  let at: Json = manifest
  for (const step of walk) {
    const keys = [...Object.keys(at), 'label_words', 'labels', 'metrics', 'truncation', 'temperature']
    const key = keys[step % keys.length]
    const inner = at[key]
    if (step === walk.at(-1) || typeof inner !== 'object' || inner === null) {
      // A later walk may change the value, and put it into itself.
      at[key] = structuredClone(value)
      return
    }
    at = inner as Json
  }
}

test('any change of graft.json gives an adapter within the limits, or an error that names the file', async () => {
  const base = await tinyT5()
  const dir = copyFolder(saved)
  const path = join(dir, 'graft.json')
  const text = readFileSync(path, 'utf8')
  const codes = ['checkpoint_corrupt', 'checkpoint_config', 'base_mismatch']
  const counts = { read: 0, refused: 0 }
  const walk = fc.array(fc.nat(40), { minLength: 1, maxLength: 4 })
  const property = fc.asyncProperty(
    fc.array(fc.tuple(walk, replacement), { minLength: 1, maxLength: 3 }),
    async (all) => {
      const manifest = JSON.parse(text) as Json
      for (const [steps, value] of all) spoil(manifest, steps, value)
      writeFileSync(path, JSON.stringify(manifest))
      const found = await readManifest(dir).catch((error: unknown) => error)
      if (found instanceof GraftError) {
        counts.refused++
        expect(codes).toContain(found.code)
        expect(found.message).toContain('graft.json')
        expect(found.message.length).toBeLessThan(2000)
        return
      }
      counts.read++
      const { label_words: words = {}, probe } = found as NonNullable<Awaited<ReturnType<typeof readManifest>>>
      expect(Object.keys(words).length).toBeLessThanOrEqual(1000)
      expect(probe.logits.map((row) => row.length)).toEqual(probe.inputs.map(() => probe.ids.length))
      const loaded = await loadAdapter(dir, base).catch((error: unknown) => error)
      if (loaded instanceof Error) expect(loaded).toBeInstanceOf(GraftError)
    },
  )
  await fc.assert(property, { numRuns: 300 })
  expect(Math.min(counts.read, counts.refused)).toBeGreaterThan(10)
})

test('any text in place of graft.json is refused with an error that names the file', async () => {
  const dir = copyFolder(saved)
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  )
  const property = fc.asyncProperty(text, async (content) => {
    writeFileSync(join(dir, 'graft.json'), content)
    await expectError(readManifest(dir), 'checkpoint_corrupt', 'graft.json')
  })
  await fc.assert(property, { numRuns: 100 })
})
