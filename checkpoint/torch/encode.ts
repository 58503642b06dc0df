import { buffer } from 'node:stream/consumers'
import { ZipFile } from 'yazl'
import { sizeOfShape, type TensorData } from '../../model/tensor-shapes.ts'
import { asBytes } from '../safetensors.ts'

/** The same date in every file, so that equal tensors give equal bytes. Zip archives know none before 1980. */
const DATE = new Date(Date.UTC(1980, 0, 2))

/**
 * Returns the bytes of a file that `torch.load(path, weights_only=True)` reads as a dictionary of f32 tensors. The same
 * tensors give the same bytes.
 */
export async function encodeTorch(tensors: ReadonlyMap<string, TensorData>): Promise<Uint8Array[]> {
  const zip = new ZipFile()
  const add = (name: string, content: Uint8Array) =>
    zip.addBuffer(Buffer.from(content.buffer, content.byteOffset, content.byteLength), `archive/${name}`, {
      compress: false,
      mtime: DATE,
      mode: 0o100644,
    })
  add('data.pkl', pickleState(tensors))
  add('byteorder', Buffer.from('little'))
  for (const [key, { data }] of [...tensors.values()].entries()) add(`data/${key}`, asBytes(data))
  add('version', Buffer.from('3\n'))
  zip.end()
  return [await buffer(zip.outputStream)]
}

/** Writes the pickle (protocol 2) of a state, whose numbers are in entries named by their position. */
function pickleState(tensors: ReadonlyMap<string, TensorData>): Buffer {
  const parts: Buffer[] = []
  const put = (...bytes: (number | string | Buffer)[]) => {
    for (const part of bytes)
      parts.push(
        typeof part === 'number' ? Buffer.of(part) : Buffer.isBuffer(part) ? part : Buffer.from(part, 'latin1'),
      )
  }
  const text = (value: string) => {
    const content = Buffer.from(value)
    put('X', uint32(content.length), content)
  }
  const whole = (value: number) => {
    if (value < 2 ** 31) put('J', uint32(value))
    else {
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64LE(BigInt(value))
      put('\x8a', 8, bytes)
    }
  }
  const global = (module: string, name: string) => put('c', `${module}\n${name}\n`)
  const tuple = (items: readonly number[]) => {
    put('(')
    items.forEach(whole)
    put('t')
  }

  put('\x80', 2, '}', '(')
  for (const [key, [name, { shape, data }]] of [...tensors].entries()) {
    text(name)
    global('torch._utils', '_rebuild_tensor_v2')
    put('(', '(')
    text('storage')
    global('torch', 'FloatStorage')
    text(String(key))
    text('cpu')
    whole(data.length)
    put('t', 'Q')
    whole(0)
    tuple(shape)
    tuple(stridesOf(shape))
    put('\x89')
    global('collections', 'OrderedDict')
    put(')', 'R', 't', 'R')
  }
  put('u', '.')
  return Buffer.concat(parts)
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

/** Returns the strides of a tensor whose numbers follow each other. */
const stridesOf = (shape: readonly number[]): number[] => shape.map((_, axis) => sizeOfShape(shape.slice(axis + 1)))
