import { fail } from '../core/errors.ts'
import { sizeOfShape, type TensorData } from '../model/tensor-shapes.ts'
import type { Header, TensorEntry } from './safetensors-header.ts'
import { checkFinite } from './tensor-check.ts'

/** A tensor as a file stores it: f32, or the codes of int8 rows. */
export interface StoredTensor {
  readonly shape: readonly number[]
  readonly data: Float32Array | Int8Array
}

/** The end of the name of the tensor that has the scales of another one. */
export const SCALE_SUFFIX = '.row_scale'

/** Smaller matrices, such as the position bias of T5, stay f32: there is nothing to save. */
const MIN_INT8_NUMBERS = 8192

const MAX_CODE = 127

/**
 * Returns the tensors to store in place of these: for each large matrix its codes, and one scale for each index of its
 * first axis. Other tensors stay as they are.
 * @throws GraftError `checkpoint_corrupt` if a number is not finite
 */
export function toInt8Rows(tensors: ReadonlyMap<string, TensorData>): Map<string, StoredTensor> {
  checkFinite(tensors, 'the weights')
  const stored = new Map<string, StoredTensor>(tensors)
  for (const [name, { shape, data }] of tensors) {
    if (shape.length !== 2 || sizeOfShape(shape) < MIN_INT8_NUMBERS) continue
    const [rows] = shape
    const { codes, scales } = quantizeRows(data, rows)
    stored.set(name, { shape, data: codes })
    stored.set(name + SCALE_SUFFIX, { shape: [rows], data: scales })
  }
  return stored
}

/**
 * Rounds each row of a matrix to the nearest multiples of the row's scale, ties to even. A scale is the row's largest
 * absolute value / 127, so no number changes by more than half a scale.
 * @param data finite numbers, row by row
 */
export function quantizeRows(data: Float32Array, rows: number): { codes: Int8Array; scales: Float32Array } {
  const codes = new Int8Array(data.length)
  const scales = new Float32Array(rows)
  const columns = data.length / rows
  for (let row = 0; row < rows; row++) {
    const [from, to] = [row * columns, (row + 1) * columns]
    let largest = 0
    for (let i = from; i < to; i++) largest = Math.max(largest, Math.abs(data[i]))
    // A row of zeros has the scale 0.
    if (largest === 0) continue
    const scale = toShortFloat(largest / MAX_CODE)
    for (let i = from; i < to; i++) codes[i] = roundToEven(data[i] / scale)
    scales[row] = scale
  }
  return { codes, scales }
}

/** Reverses {@link quantizeRows}, exactly: a scale has so few digits that its products with codes are not rounded. */
export function fromInt8Rows(codes: Int8Array, scales: Float32Array, into: Float32Array): void {
  const columns = codes.length / scales.length
  for (let row = 0, i = 0; row < scales.length; row++) {
    const scale = scales[row]
    for (const to = (row + 1) * columns; i < to; i++) into[i] = scale * codes[i]
  }
}

const scratchFloat = new Float32Array(1)
const scratchBits = new Uint32Array(scratchFloat.buffer)

/**
 * Rounds a positive number up to a f32 with 16 significant bits. Its products with codes, of 7 bits, are then exact in
 * f32, and so rows that were read are stored again with the same scales and codes.
 */
function toShortFloat(x: number): number {
  scratchFloat[0] = x
  const isBelow = scratchFloat[0] < x
  scratchBits[0] = (scratchBits[0] + (isBelow ? 1 : 0) + 0xff) & ~0xff
  return scratchFloat[0]
}

/** An addition to a number of this size leaves no bits for a fraction. */
const NO_FRACTION = 1.5 * 2 ** 52

const roundToEven = (x: number): number => x + NO_FRACTION - NO_FRACTION

/**
 * Returns the entry with the scales of each int8 tensor, by the name of that tensor.
 * @throws GraftError `checkpoint_tensors` if a scale is missing, or its shape does not fit
 */
export function findScales({ entries }: Header, file: string): Map<string, TensorEntry> {
  const entryOf = new Map(entries.map((entry) => [entry.name, entry]))
  const scales = new Map<string, TensorEntry>()
  for (const { name, shape } of entries.filter(({ dtype }) => dtype === 'I8')) {
    if (shape.length !== 2)
      fail('checkpoint_tensors', {
        subject: `${file}, ${name}`,
        expected: 'a matrix, as every int8 tensor is',
        found: `shape [${shape.join(', ')}]`,
        fix: FIX_FILE,
      })
    const scale = entryOf.get(name + SCALE_SUFFIX)
    if (!scale)
      return fail('checkpoint_tensors', {
        subject: file,
        problem: `is missing ${name}${SCALE_SUFFIX} [${shape[0]}], the scales of its int8 tensor ${name}`,
        fix: FIX_FILE,
      })
    if (scale.dtype !== 'F32' || scale.shape.join() !== String(shape[0]))
      fail('checkpoint_tensors', {
        subject: `${file}, ${scale.name}`,
        expected: `F32 of shape [${shape[0]}]`,
        found: `${scale.dtype} of shape [${scale.shape.join(', ')}]`,
        fix: FIX_FILE,
      })
    scales.set(name, scale)
  }
  return scales
}

/** @throws GraftError `checkpoint_corrupt` with the first scale that is negative or not finite */
export function checkScales(scales: Float32Array, subject: string): Float32Array {
  for (let i = 0; i < scales.length; i++)
    if (!(scales[i] >= 0 && scales[i] < Number.POSITIVE_INFINITY))
      fail('checkpoint_corrupt', {
        subject,
        expected: 'finite scales that are not negative',
        found: `${scales[i]} for row ${i}`,
        fix: FIX_FILE,
      })
  return scales
}

const FIX_FILE = 'Copy or download the file again.'
