import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readTensorFile, readTensorFiles } from '../../checkpoint/read-tensors.ts'
import { encodeSafetensors } from '../../checkpoint/safetensors.ts'
import type { TensorData } from '../../model/tensor-shapes.ts'
import { expectError, freshPath, parityPath } from './helpers.ts'

const files = globSync('**/*.safetensors', { cwd: parityPath('.') })

function writeBytes(bytes: Uint8Array): string {
  const path = freshPath('x.safetensors')
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, bytes)
  return path
}

/** Writes a file with any header and a number of bytes of data. */
function writeFileWithHeader(header: unknown, data: number, length?: bigint): string {
  const json =
    header instanceof Uint8Array ? header : Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const head = Buffer.alloc(8)
  head.writeBigUInt64LE(length ?? BigInt(json.length))
  return writeBytes(Buffer.concat([head, json, Buffer.alloc(data)]))
}

const entry = (begin: number, end: number, shape = [(end - begin) / 4], dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
})

test('the fixtures contain files to read', () => expect(files.length).toBeGreaterThan(40))

test.each(files)('%s, which the Python library wrote, is read and written again with the same bytes', async (file) => {
  const { tensors, metadata } = await readTensorFile(parityPath(file))
  expect(Buffer.concat(encodeSafetensors(tensors, { metadata })).equals(readFileSync(parityPath(file)))).toBe(true)
})

test('tensors are read from a file exactly as they were written', async () => {
  const tensor = fc.array(fc.nat(4), { maxLength: 3 }).chain((shape) => {
    const length = shape.reduce((a, b) => a * b, 1)
    return fc.float32Array({ minLength: length, maxLength: length }).map((data): TensorData => ({ shape, data }))
  })
  const name = fc.string({ unit: 'grapheme' }).filter((text) => text !== '__metadata__')
  const metadata = fc.option(fc.dictionary(fc.stringMatching(/^[a-z]+$/), fc.string()), { nil: undefined })
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(name, tensor), { selector: ([key]) => key }),
      metadata,
      async (entries, meta) => {
        const path = writeBytes(Buffer.concat(encodeSafetensors(new Map(entries), { metadata: meta })))
        const read = await readTensorFile(path)
        expect(read.metadata).toEqual(meta && { ...meta })
        expect([...read.tensors.keys()].sort()).toEqual(entries.map(([key]) => key).sort())
        for (const [key, { shape, data }] of entries) expect(read.tensors.get(key)).toEqual({ shape, data })
        expect(Buffer.concat(encodeSafetensors(read.tensors, { metadata: meta })).equals(readFileSync(path))).toBe(true)
      },
    ),
    { numRuns: 60 },
  )
})

test('a tensor can have any name', async () => {
  const names = ['__proto__', 'constructor', '2', '1', 'a"b', 'é', '\u{1f600}', '\uffff', '\u2028', '']
  const path = writeBytes(
    Buffer.concat(encodeSafetensors(new Map(names.map((name) => [name, { shape: [0], data: new Float32Array() }])))),
  )
  const { tensors } = await readTensorFile(path)
  expect(new Set(tensors.keys())).toEqual(new Set(names))
  // Like the library, it sorts by the bytes of UTF-8, in which an emoji comes last.
  const text = readFileSync(path, 'utf8')
  expect(text.indexOf('\u{1f600}')).toBeGreaterThan(text.indexOf('\uffff'))
})

test('shared tensors are views of one shared buffer, each at a multiple of 64 bytes', async () => {
  const [a, b] = await readTensorFiles(
    [parityPath('tiny-t5/model.safetensors'), parityPath('tiny-flan/model.safetensors')],
    { shared: true },
  )
  const views = [...a.tensors.values(), ...b.tensors.values()].map(({ data }) => data)
  expect(views[0].buffer).toBeInstanceOf(SharedArrayBuffer)
  expect(new Set(views.map(({ buffer }) => buffer)).size).toBe(1)
  expect(views.every(({ byteOffset }) => byteOffset % 64 === 0)).toBe(true)
})

test('half precision is read as the same numbers in f32', async () => {
  const header = JSON.stringify({ half: entry(0, 12, [6], 'F16'), brain: entry(12, 18, [3], 'BF16') })
  const words = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000, 0x7c00, 0x3f80, 0xc049, 0x0001)
  const head = Buffer.alloc(8)
  head.writeBigUInt64LE(BigInt(header.length))
  const { tensors } = await readTensorFile(
    writeBytes(Buffer.concat([head, Buffer.from(header), Buffer.from(words.buffer)])),
  )
  expect([...(tensors.get('half')?.data ?? [])]).toEqual([1, -2, 2 ** -24, 65504, -0, Number.POSITIVE_INFINITY])
  expect([...(tensors.get('brain')?.data ?? [])]).toEqual([1, -3.140625, 2 ** -133])
})

test('a file that is truncated anywhere is rejected as damaged', async () => {
  const intact = readFileSync(parityPath('peft/lora_r8_a16_qv/checkpoint/adapter_model.safetensors'))
  await fc.assert(
    fc.asyncProperty(fc.nat(intact.length - 1), async (length) => {
      await expectError(readTensorFile(writeBytes(intact.subarray(0, length))), 'checkpoint_corrupt', 'x.safetensors')
    }),
    { numRuns: 40 },
  )
})

test.each<[string, unknown, number, string[]]>([
  ['overlap', { a: entry(0, 8), b: entry(4, 12) }, 12, ['b', 'overlaps another tensor']],
  ['a gap', { a: entry(0, 8), b: entry(12, 16) }, 16, ['b', 'leaves a gap']],
  ['bytes that belong to no tensor', { a: entry(0, 8) }, 12, ['8 bytes of tensor data', '12']],
  ['a range that does not fit the shape', { a: entry(0, 8, [3]) }, 8, ['a', '12 bytes', '8']],
  ['a range that ends before it begins', { a: entry(8, 0, [2]) }, 8, ['a']],
  ['a negative size', { a: entry(0, 8, [-2]) }, 8, ['a', '[-2]']],
  ['a fractional size', { a: entry(0, 8, [2.5]) }, 8, ['a', '[2.5]']],
  ['an unknown field', { a: { ...entry(0, 8), extra: 1 } }, 8, ['a', 'dtype, shape and data_offsets']],
  ['metadata that is not text', { __metadata__: { n: 1 } }, 0, ['__metadata__']],
  [
    'a duplicate name',
    '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"\\u0061":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
    8,
    ['a', 'this name twice'],
  ],
  [
    'a duplicate field',
    '{"a":{"dtype":"F32","shape":[1],"shape":[2],"data_offsets":[0,8]}}',
    8,
    ['shape', 'this name twice'],
  ],
  ['a list instead of an object', '[]', 0, ['JSON object']],
  ['text instead of JSON', 'hello', 0, ['JSON']],
  ['bytes that are not UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d), 0, ['JSON']],
])('a header with %s is rejected', async (_, header, data, words) => {
  await expectError(readTensorFile(writeFileWithHeader(header, data)), 'checkpoint_corrupt', ...words)
})

test('a header longer than its file is rejected before it is read', async () => {
  await expectError(readTensorFile(writeFileWithHeader({}, 0, 2n ** 62n)), 'checkpoint_corrupt', String(2n ** 62n))
  await expectError(readTensorFile(writeBytes(Buffer.alloc(0))), 'checkpoint_corrupt', '0 bytes')
})

test.each(['I64', 'F64', 'BOOL', 'F8_E4M3', 'toString'])('the element type %s is rejected by name', async (dtype) => {
  await expectError(
    readTensorFile(writeFileWithHeader({ ids: entry(0, 8, [1], dtype) }, 8)),
    'checkpoint_tensors',
    'ids',
    dtype,
  )
})

test('an error names a file that does not exist or is a folder', async () => {
  await expectError(
    readTensorFile(parityPath('nothing.safetensors')),
    'file_missing',
    'nothing.safetensors does not exist',
  )
  await expectError(readTensorFile(join(parityPath('tiny-t5'))), 'file_missing', 'tiny-t5 is a folder')
})

test('a Git LFS pointer in place of the file is named, with the command that downloads it', async () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'4d'.repeat(32)}\nsize 12345\n`
  await expectError(
    readTensorFile(writeBytes(Buffer.from(pointer))),
    'checkpoint_corrupt',
    'Git LFS pointer',
    'git lfs pull',
  )
})
