import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { TensorData } from '../../model/tensor-shapes.ts'
import { openRegularFile } from '../files.ts'
import { fromBf16, fromF16 } from '../half-floats.ts'
import type { ReadLimits } from '../limits.ts'
import { rejectLfsPointer } from '../safetensors-header.ts'
import type { OpenTensorFile } from '../tensor-file.ts'
import { openTorchArchive, type TorchArchive } from './archive.ts'
import { BYTES_PER_NUMBER, parseState, type TorchDtype, type TorchTensor } from './state.ts'
import { throwDamaged } from './unpickle.ts'

const PICKLE = 'data.pkl'

/** Tensors may be views of the same numbers, as tied embeddings are. More views than this only cost time. */
const MAX_SHARING = 4

/**
 * Opens the state in a torch file (PyTorch 1.6 and later), as PEFT, AdapterHub, OpenDelta and transformers write it.
 * Runs nothing that the file contains. Numbers of any float type become f32.
 * @throws GraftError `file_missing`, `checkpoint_corrupt`
 */
export async function openTorchFile(
  path: string,
  { headerBytes, tensors: maxTensors }: ReadLimits,
): Promise<OpenTensorFile> {
  const file = basename(path)
  const { handle, size } = await openRegularFile(path)
  try {
    const head = Buffer.alloc(Math.min(16, size))
    await handle.read(head, 0, head.length, 0)
    rejectLfsPointer(head.subarray(0, 8), size, file)
    const archive = await openTorchArchive(handle, size, head, file)
    if (archive.has('byteorder') && (await archive.read('byteorder')).toString() !== 'little')
      throwDamaged(file, 'has its numbers in another byte order')
    if (archive.sizeOf(PICKLE) > headerBytes)
      throwDamaged(file, `has a list of tensors of more than ${headerBytes} bytes`)
    const tensors = parseState(await archive.read(PICKLE), file, maxTensors)
    const bytes = tensors.reduce((sum, tensor) => sum + requireStorage(archive, tensor, file), 0)
    if (bytes > MAX_SHARING * size) throwDamaged(file, 'uses the same numbers in too many tensors')
    return {
      shapes: new Map(tensors.map(({ name, shape }) => [name, { shape }])),
      entries: tensors.length,
      async read(allocate) {
        const read = new Map<string, TensorData>()
        for (const tensor of tensors) {
          const data = allocate(tensor)
          await readTensor(archive, tensor, data)
          read.set(tensor.name, { shape: tensor.shape, data })
        }
        return { tensors: read, sha256: await hashFile(path) }
      },
      close: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

const entryOf = ({ storage }: TorchTensor): string => `data/${storage.key}`

/** Returns the bytes of a tensor's storage. @throws GraftError `checkpoint_corrupt` if it has another size */
function requireStorage(archive: TorchArchive, tensor: TorchTensor, file: string): number {
  const { dtype, storage, name } = tensor
  const size = archive.sizeOf(entryOf(tensor))
  if (size !== storage.length * BYTES_PER_NUMBER[dtype])
    throwDamaged(`${file}, ${name}`, `has ${size} bytes for ${storage.length} numbers`)
  return size
}

async function readTensor(archive: TorchArchive, tensor: TorchTensor, into: Float32Array): Promise<void> {
  const numbers = toF32(await archive.read(entryOf(tensor)), tensor.dtype)
  const { shape, strides, offset } = tensor
  if (isContiguous(tensor)) return into.set(numbers.subarray(offset, offset + into.length))
  const index = shape.map(() => 0)
  let from = offset
  for (let i = 0; i < into.length; i++) {
    into[i] = numbers[from]
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]
      if (++index[axis] < shape[axis]) break
      from -= shape[axis] * strides[axis]
      index[axis] = 0
    }
  }
}

/** Returns whether the numbers of a tensor follow each other. */
function isContiguous({ shape, strides }: TorchTensor): boolean {
  let step = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== step) return false
    step *= shape[axis]
  }
  return true
}

function toF32(bytes: Buffer, dtype: TorchDtype): Float32Array {
  // The bytes may begin anywhere in a larger buffer, where no array of numbers can.
  const { buffer } = Uint8Array.from(bytes)
  if (dtype === 'F32') return new Float32Array(buffer)
  if (dtype === 'F64') return Float32Array.from(new Float64Array(buffer))
  const words = new Uint16Array(buffer)
  const numbers = new Float32Array(words.length)
  if (dtype === 'F16') fromF16(words, numbers)
  else fromBf16(words, numbers)
  return numbers
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
