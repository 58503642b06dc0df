import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { loadBase } from '../../checkpoint/base.ts'
import { fromInt8Rows, quantizeRows } from '../../checkpoint/int8-rows.ts'
import { readTensorFile } from '../../checkpoint/read-tensors.ts'
import { encodeSafetensors } from '../../checkpoint/safetensors.ts'
import { copyFolder, expectError } from './helpers.ts'
import { randomBase } from './random-base.ts'

const WEIGHTS = 'model.safetensors'
const QUERY = 'encoder.block.0.layer.0.SelfAttention.q.weight'
const SCALES = `${QUERY}.row_scale`
const BIAS = 'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight'

interface Entry {
  dtype: string
  shape: number[]
  data: Buffer
}
interface RawFile {
  metadata: Record<string, string>
  entries: Map<string, Entry>
}

/** Reads a safetensors file as it is stored. */
function readRaw(path: string): RawFile {
  const bytes = readFileSync(path)
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  const { __metadata__: metadata, ...header } = JSON.parse(bytes.toString('utf8', 8, start))
  const entries = Object.entries(header).map(([name, value]) => {
    const { dtype, shape, data_offsets: range } = value as { dtype: string; shape: number[]; data_offsets: number[] }
    return [name, { dtype, shape, data: bytes.subarray(start + range[0], start + range[1]) }] as const
  })
  return { metadata, entries: new Map(entries) }
}

/** Writes a safetensors file with its tensors in the order of the map. */
function writeRaw(path: string, { metadata, entries }: RawFile): void {
  let offset = 0
  const header = [...entries].map(([name, { dtype, shape, data }]) => {
    const range = [offset, offset + data.length]
    offset += data.length
    return [name, { dtype, shape, data_offsets: range }]
  })
  const text = Buffer.from(JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(header) }))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  writeFileSync(path, Buffer.concat([length, text, ...[...entries.values()].map(({ data }) => data)]))
}

/** Stores the random base as int8 rows. */
async function int8Base(): Promise<string> {
  const dir = randomBase()
  const { tensors, metadata } = await readTensorFile(join(dir, WEIGHTS))
  writeFileSync(join(dir, WEIGHTS), Buffer.concat(encodeSafetensors(tensors, { metadata, storage: 'int8_rows' })))
  return dir
}

const stored = await int8Base()

/** Loads a copy of the int8 base with a change to its file. */
function loadChanged(change: (file: RawFile) => void) {
  const path = join(copyFolder(stored), WEIGHTS)
  const file = readRaw(path)
  change(file)
  writeRaw(path, file)
  return loadBase(dirname(path))
}

const floatsOf = ({ data }: Entry) => new Float32Array(Uint8Array.from(data).buffer)
const bytesOf = (...numbers: number[]) => Buffer.from(Float32Array.from(numbers).buffer)

const matrix = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 9 })).chain(([rows, columns]) =>
  fc.tuple(
    fc.constant(rows),
    fc.float32Array({
      minLength: rows * columns,
      maxLength: rows * columns,
      noNaN: true,
      min: -(2 ** 100),
      max: 2 ** 100,
    }),
  ),
)

test('no number changes by more than half the scale of its row', () => {
  fc.assert(
    fc.property(matrix, ([rows, data]) => {
      const { codes, scales } = quantizeRows(data, rows)
      const read = new Float32Array(data.length)
      fromInt8Rows(codes, scales, read)
      for (let i = 0; i < data.length; i++) {
        const scale = scales[Math.floor(i / (data.length / rows))]
        expect(Math.abs(data[i] - read[i])).toBeLessThanOrEqual(scale / 2)
        expect(Math.abs(codes[i])).toBeLessThanOrEqual(127)
      }
    }),
    { numRuns: 500 },
  )
})

test('numbers that were read are stored again with the same scales and codes', () => {
  fc.assert(
    fc.property(matrix, ([rows, data]) => {
      // A subnormal number has fewer digits.
      fc.pre(data.every((x) => x === 0 || Math.abs(x) > 1e-30))
      const first = quantizeRows(data, rows)
      const read = new Float32Array(data.length)
      fromInt8Rows(first.codes, first.scales, read)
      expect(quantizeRows(read, rows)).toEqual(first)
    }),
    { numRuns: 500 },
  )
})

test('each row has its own scale, and numbers halfway between two codes become the even one', () => {
  const { codes, scales } = quantizeRows(Float32Array.of(127, 0.5, 1.5, -2.5, 254, 1, 3, -5, 0, 0, 0, 0), 3)
  expect([...scales]).toEqual([1, 2, 0])
  expect([...codes]).toEqual([127, 0, 2, -2, 127, 0, 2, -2, 0, 0, 0, 0])
})

test('a base is read from int8 rows into one shared buffer, each number within half a scale of the original', async () => {
  const [original, base] = await Promise.all([loadBase(randomBase()), loadBase(stored)])
  const { entries } = readRaw(join(stored, WEIGHTS))
  expect([...base.tensors.keys()].sort()).toEqual([...original.tensors.keys()].sort())
  let matrices = 0
  for (const [name, before] of original.tensors) {
    const after = base.tensors.get(name)!
    expect(after.length).toBe(before.length)
    const entry = entries.get(`${name}.row_scale`)
    const scales = entry && floatsOf(entry)
    if (scales) matrices++
    const columns = scales ? before.length / scales.length : 1
    const isNear = before.every((x, i) => Math.abs(x - after[i]) <= (scales ? scales[Math.floor(i / columns)] / 2 : 0))
    expect(isNear, name).toBe(true)
  }
  expect(matrices).toBe(17)
  expect(new Set([...base.tensors.values()].map(({ buffer }) => buffer)).size).toBe(1)
})

test('matrices are int8 with one scale for each index of their first axis, and small tensors stay float32', () => {
  const { metadata, entries } = readRaw(join(stored, WEIGHTS))
  expect(metadata).toEqual({ format: 'pt', graft_storage: 'int8_rows' })
  const form = (name: string) => {
    const { dtype, shape } = entries.get(name) ?? {}
    return [dtype, shape]
  }
  expect(form('shared.weight')).toEqual(['I8', [96, 128]])
  expect(form('shared.weight.row_scale')).toEqual(['F32', [96]])
  expect(form('encoder.block.0.layer.1.DenseReluDense.wi.weight.row_scale')).toEqual(['F32', [160]])
  expect(form(BIAS)).toEqual(['F32', [32, 2]])
  expect(form('encoder.final_layer_norm.weight')).toEqual(['F32', [128]])
  expect(entries.has(`${BIAS}.row_scale`)).toBe(false)
  expect(readFileSync(join(stored, WEIGHTS)).length).toBeLessThan(
    0.3 * readFileSync(join(randomBase(), WEIGHTS)).length,
  )
})

test('the same tensors give the same bytes, and so do the tensors that were read', async () => {
  const bytes = readFileSync(join(stored, WEIGHTS))
  expect(readFileSync(join(await int8Base(), WEIGHTS)).equals(bytes)).toBe(true)
  const { tensors, metadata } = await readTensorFile(join(stored, WEIGHTS))
  expect(metadata).toEqual({ format: 'pt' })
  expect(Buffer.concat(encodeSafetensors(tensors, { metadata, storage: 'int8_rows' })).equals(bytes)).toBe(true)
})

test('the order of the tensors in the file has no effect', async () => {
  const { fingerprint } = await loadBase(stored)
  const reordered = await loadChanged((file) => {
    file.entries = new Map([...file.entries].reverse())
  })
  expect(reordered.fingerprint).toBe(fingerprint)
})

test('a single changed scale changes the fingerprint', async () => {
  const { fingerprint } = await loadBase(stored)
  const changed = await loadChanged(({ entries }) => {
    const { data } = entries.get(SCALES)!
    data.writeFloatLE(data.readFloatLE(4) * 2, 4)
  })
  expect(changed.fingerprint).not.toBe(fingerprint)
})

test.each<[string, (file: RawFile) => void, string[]]>([
  ['no scales', ({ entries }) => entries.delete(SCALES), [`is missing ${SCALES} [128]`, `its int8 tensor ${QUERY}`]],
  [
    'scales of another shape',
    ({ entries }) => entries.set(SCALES, { dtype: 'F32', shape: [2], data: bytesOf(1, 1) }),
    [SCALES, 'F32 of shape [128]', 'F32 of shape [2]'],
  ],
  [
    'scales of another element type',
    ({ entries }) => entries.set(SCALES, { dtype: 'F16', shape: [128], data: Buffer.alloc(256) }),
    [SCALES, 'F32 of shape [128]', 'F16 of shape [128]'],
  ],
  [
    'an int8 vector',
    ({ entries }) => entries.set(QUERY, { ...entries.get(QUERY)!, shape: [128 * 128] }),
    [QUERY, 'a matrix', '[16384]'],
  ],
  [
    'an int8 matrix of another shape',
    ({ entries }) => {
      entries.set(QUERY, { ...entries.get(QUERY)!, shape: [64, 256] })
      entries.set(SCALES, { dtype: 'F32', shape: [64], data: Buffer.alloc(256) })
    },
    [QUERY, 'shape [128, 128]', 'shape [64, 256]'],
  ],
  [
    'scales of a tensor that is not int8',
    ({ entries }) => entries.set(`${BIAS}.row_scale`, { dtype: 'F32', shape: [1], data: bytesOf(1) }),
    [`${BIAS}.row_scale [1]`],
  ],
  ['int8 without a storage form', ({ metadata }) => delete metadata.graft_storage, ['F32, F16 or BF16', 'I8, without']],
  [
    'an unknown storage form',
    ({ metadata }) => {
      metadata.graft_storage = 'int4_rows'
    },
    ['int8_rows', 'int4_rows'],
  ],
])('a base with %s is rejected', async (_, change, words) => {
  await expectError(loadChanged(change), 'checkpoint_tensors', WEIGHTS, ...words)
})

test.each([Number.NaN, Number.POSITIVE_INFINITY, -1])('the scale %s is rejected with its row', async (scale) => {
  const change = ({ entries }: RawFile) => void entries.get(SCALES)!.data.writeFloatLE(scale, 4 * 3)
  await expectError(loadChanged(change), 'checkpoint_corrupt', SCALES, `${scale} for row 3`)
})

test.each([Number.NaN, Number.NEGATIVE_INFINITY])('the weight %s cannot be stored as int8', async (weight) => {
  const data = new Float32Array(8192)
  data[5] = weight
  const encode = async () => encodeSafetensors(new Map([['w', { shape: [64, 128], data }]]), { storage: 'int8_rows' })
  await expectError(encode(), 'checkpoint_corrupt', 'w', String(weight))
})
