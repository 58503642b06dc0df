import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadAdapter } from '../../../checkpoint/adapter.ts'
import { loadBase } from '../../../checkpoint/base.ts'
import { ADAPTER_LIMITS } from '../../../checkpoint/limits.ts'
import { readTensorFile } from '../../../checkpoint/read-tensors.ts'
import { encodeTorch } from '../../../checkpoint/torch/encode.ts'
import { parseState } from '../../../checkpoint/torch/state.ts'
import { GraftError } from '../../../core/errors.ts'
import type { TensorData } from '../../../model/tensor-shapes.ts'
import { copyFolder, expectError, freshPath, parityPath, tinyT5 } from '../helpers.ts'

const ADAPTER = parityPath('adapterhub/seq_bn_b8/bin/pytorch_adapter.bin')

function write(content: Uint8Array): string {
  const dir = freshPath()
  mkdirSync(dir, { recursive: true })
  const path = join(dir, 'x.bin')
  writeFileSync(path, content)
  return path
}

const written = async (tensors: ReadonlyMap<string, TensorData>) => write(Buffer.concat(await encodeTorch(tensors)))

test.each(['seq_bn_b8', 'lora_r8_a16'])('%s has the same tensors in a .bin and in safetensors', async (name) => {
  const base = await tinyT5()
  const [bin, safetensors] = await Promise.all(
    ['bin', 'safetensors'].map((folder) => loadAdapter(parityPath(`adapterhub/${name}/${folder}`), base)),
  )
  expect(bin.values).toEqual(safetensors.values)
  expect(bin.method).toEqual(safetensors.method)
})

test('names that T5AdapterModel wrote, and its file of a head, load as the same adapter', async () => {
  const base = await tinyT5()
  const flex = await loadAdapter(parityPath('adapterhub/flex_head_seq_bn_b8/bin'), base)
  const plain = await loadAdapter(parityPath('adapterhub/seq_bn_b8/bin'), base)
  expect(flex.values).toEqual(plain.values)
  expect(flex.naming.prefix).toBe('transformer.')
})

test('tensors are written and read back with the same bytes', async () => {
  const tensor = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }).chain((shape) => {
    const size = shape.reduce((a, b) => a * b, 1)
    return fc
      .array(fc.float({ noNaN: true }), { minLength: size, maxLength: size })
      .map((values): TensorData => ({ shape, data: Float32Array.from(values) }))
  })
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.string({ minLength: 1 }), tensor), async (tensors) => {
      const map = new Map(Object.entries(tensors))
      const first = Buffer.concat(await encodeTorch(map))
      const { tensors: read } = await readTensorFile(write(first))
      expect([...read.keys()]).toEqual([...map.keys()])
      for (const [name, { shape, data }] of read) {
        expect(shape).toEqual(map.get(name)?.shape)
        expect([...data]).toEqual([...(map.get(name) as TensorData).data])
      }
      expect(Buffer.concat(await encodeTorch(read)).equals(first)).toBe(true)
    }),
    { numRuns: 30 },
  )
})

test('a base whose weights are in pytorch_model.bin, or in several such files, is the same base', async () => {
  const plain = await tinyT5()
  const dir = copyFolder(parityPath('tiny-t5'))
  rmSync(join(dir, 'model.safetensors'))
  const names = [...plain.tensors.keys()].map((name) => name)
  const shapes = new Map((await readTensorFile(parityPath('tiny-t5/model.safetensors'))).tensors)
  writeFileSync(join(dir, 'pytorch_model.bin'), Buffer.concat(await encodeTorch(shapes)))
  expect((await loadBase(dir)).fingerprint).toBe(plain.fingerprint)
  rmSync(join(dir, 'pytorch_model.bin'))
  const weight_map: Record<string, string> = {}
  for (const part of [0, 1]) {
    const file = `pytorch_model-0000${part + 1}-of-00002.bin`
    const some = names.filter((_, i) => i % 2 === part)
    for (const name of some) weight_map[name] = file
    const content = await encodeTorch(new Map(some.map((name) => [name, shapes.get(name) as TensorData])))
    writeFileSync(join(dir, file), Buffer.concat(content))
  }
  writeFileSync(join(dir, 'pytorch_model.bin.index.json'), JSON.stringify({ weight_map }))
  expect((await loadBase(dir)).fingerprint).toBe(plain.fingerprint)
})

describe('a file is refused', () => {
  const expectCorrupt = (path: string, ...words: string[]) =>
    expectError(readTensorFile(path, { limits: ADAPTER_LIMITS }), 'checkpoint_corrupt', 'x.bin', ...words)

  test('that is empty, text, cut off, or of PyTorch before 1.6', async () => {
    await expectCorrupt(write(Buffer.alloc(0)))
    await expectCorrupt(write(Buffer.from('hello')))
    const whole = readFileSync(ADAPTER)
    for (const share of [0.1, 0.5, 0.9, 0.999]) await expectCorrupt(write(whole.subarray(0, share * whole.length)))
    await expectCorrupt(write(Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex')), 'before version 1.6')
  })

  test('in place of which Git LFS left a pointer', async () => {
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n'
    await expectCorrupt(write(Buffer.from(pointer)), 'Git LFS pointer')
  })

  test('with a number beside the tensors', async () => {
    const pickle = Buffer.from('\x80\x02}X\x01\x00\x00\x00aK\x01s.', 'latin1')
    expect(() => parseState(pickle, 'x.bin', 10)).toThrow(/x\.bin, a: expected a tensor/)
  })

  test.each([
    'os\nsystem\n',
    'builtins\neval\n',
    '__builtin__\nexec\n',
    'subprocess\nPopen\n',
    'torch\nload\n',
    'torch._utils\n_rebuild_tensor_v3\n',
  ])('that refers to %j, which is named and not called', (name) => {
    const pickle = Buffer.from(`\x80\x02c${name}(X\x02\x00\x00\x00idtR.`, 'latin1')
    expect(() => parseState(pickle, 'x.bin', 10)).toThrow(name.trim().replace('\n', '.'))
  })

  test('whose tensor reads beyond its numbers', async () => {
    const path = await written(new Map([['a', { shape: [2, 2], data: new Float32Array(4) }]]))
    const content = readFileSync(path)
    const shape = Buffer.from('(J\x02\x00\x00\x00J\x02\x00\x00\x00t', 'latin1')
    const at = content.indexOf(shape)
    content[at + 2] = 3
    const start = content.indexOf('\x80\x02}(', 'latin1')
    const pickle = content.subarray(start, content.indexOf('u.', at) + 2)
    expect(() => parseState(pickle, 'x.bin', 10)).toThrow('x.bin, a reads beyond the end of its numbers')
    await expectCorrupt(write(content), 'another checksum')
  })
})

test('a byte that is wrong anywhere in the list of entries is an error of ours, or changes nothing', async () => {
  const intact = readFileSync(ADAPTER)
  const path = write(intact)
  for (let at = intact.length - 400; at < intact.length; at++)
    for (const value of [0x00, 0x7a, 0xff]) {
      const damaged = Buffer.from(intact)
      damaged[at] = value
      writeFileSync(path, damaged)
      await readTensorFile(path, { limits: ADAPTER_LIMITS }).catch((error: unknown) => {
        if (!(error instanceof GraftError)) throw error
      })
    }
})

test('any damage is refused with an error of ours, or gives numbers, without delay', async () => {
  const intact = readFileSync(ADAPTER)
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(intact.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      async (changes) => {
        const damaged = Buffer.from(intact)
        for (const [at, value] of changes) damaged[at] = value
        await readTensorFile(write(damaged), { limits: ADAPTER_LIMITS }).catch((error: unknown) => {
          if (!(error instanceof GraftError)) throw error
        })
      },
    ),
    { numRuns: 300, interruptAfterTimeLimit: 20_000 },
  )
})

test('any pickle is refused with an error of ours, or is a state', () => {
  const pieces = fc.constantFrom(
    ...[
      '\x80\x02',
      '}',
      '(',
      ']',
      ')',
      't',
      'u',
      's',
      'R',
      'b',
      'Q',
      'q\x00',
      'h\x00',
      '\x85',
      '\x87',
      'K\x01',
      '.',
      'N',
    ],
    'X\x01\x00\x00\x00a',
    'ctorch._utils\n_rebuild_tensor_v2\n',
    'ctorch\nFloatStorage\n',
    'ccollections\nOrderedDict\n',
    'X\xff\xff\xff\xff',
    'J\xff\xff\xff\xff',
  )
  fc.assert(
    fc.property(
      fc.array(fc.oneof(pieces, fc.string({ unit: 'binary-ascii', maxLength: 3 })), { maxLength: 40 }),
      (parts) => {
        try {
          parseState(Buffer.from(parts.join(''), 'latin1'), 'x.bin', 10)
        } catch (error) {
          if (!(error instanceof GraftError)) throw error
        }
      },
    ),
    { numRuns: 20_000 },
  )
})
