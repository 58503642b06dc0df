import { sizeOfShape, type TensorShape } from '../model/tensor-shapes.ts'
import { BASE_LIMITS, type ReadLimits } from './limits.ts'
import { openSafetensors } from './safetensors.ts'
import type { OpenTensorFile, Shapes, TensorFile } from './tensor-file.ts'
import { openTorchFile } from './torch/torch-file.ts'

/** The size of cache lines and of the widest vector loads. */
const ALIGNMENT_BYTES = 64

interface ReadOptions {
  /** Defaults to {@link BASE_LIMITS}. */
  limits?: ReadLimits
  /**
   * Receives the tensors of each file before any of their values is read, and throws if they are not those that are
   * expected. Without it, a file may fill the memory.
   */
  check?(files: readonly Shapes[]): void
}

/** Opens a file of tensors without reading their values. Throws as {@link readTensorFile} does. */
export const openTensorFile = (path: string, limits: ReadLimits): Promise<OpenTensorFile> =>
  (path.endsWith('.bin') ? openTorchFile : openSafetensors)(path, limits)

/**
 * Reads a file of tensors strictly: the state that PyTorch saved if its name ends in `.bin`, or else safetensors. Every
 * number becomes f32.
 * @throws GraftError `file_missing`, `checkpoint_corrupt` or `checkpoint_tensors`
 */
export async function readTensorFile(path: string, options: ReadOptions = {}): Promise<TensorFile> {
  const [file] = await readTensorFiles([path], options)
  return file
}

/**
 * Reads several files into one buffer. Every tensor is a view that begins at a multiple of 64 bytes.
 * @param options `shared` makes the buffer a SharedArrayBuffer, so that worker threads need no copy
 */
export async function readTensorFiles(
  paths: readonly string[],
  { limits = BASE_LIMITS, check, shared = false }: ReadOptions & { shared?: boolean } = {},
): Promise<TensorFile[]> {
  const opened: OpenTensorFile[] = []
  try {
    let { tensors } = limits
    for (const path of paths) {
      const file = await openTensorFile(path, { ...limits, tensors })
      opened.push(file)
      tensors -= file.entries
    }
    check?.(opened.map(({ shapes }) => shapes))
    const size = opened
      .flatMap(({ shapes }) => [...shapes.values()])
      .reduce((end, tensor) => alignUp(end + f32BytesOf(tensor)), 0)
    const buffer = shared ? new SharedArrayBuffer(size) : new ArrayBuffer(size)
    let offset = 0
    const allocate = (tensor: TensorShape) => {
      const view = new Float32Array(buffer, offset, sizeOfShape(tensor.shape))
      offset = alignUp(offset + f32BytesOf(tensor))
      return view
    }
    const files: TensorFile[] = []
    for (const file of opened) files.push(await file.read(allocate))
    return files
  } finally {
    for (const file of opened) await file.close()
  }
}

const alignUp = (bytes: number): number => Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES

const f32BytesOf = ({ shape }: TensorShape): number => 4 * sizeOfShape(shape)
