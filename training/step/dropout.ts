import { makeRandom } from '../../core/random.ts'
import { elementCount, sizeOf } from '../../graph/dim.ts'
import { add, cast, mul, scale } from '../../graph/ops/elementwise.ts'
import { gather } from '../../graph/ops/gather.ts'
import { iota, modulo } from '../../graph/ops/index-math.ts'
import { constant, input, scalar } from '../../graph/ops/leaf.ts'
import { reshape } from '../../graph/ops/shape.ts'
import { slice } from '../../graph/ops/slice.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { Dim, Shape, Symbols } from '../../graph/types.ts'

/** Rows of the bank. A prime, so that every stride visits all of them. */
const BANK_ROWS = 4093

/** The largest number of places in a model that have dropout. Each takes two random numbers per step. */
const MAX_PLACES = 1024

export interface DropoutMasks {
  /** Returns the mask for another place: 0 or 1 / (1 - rate) for each element. */
  mask(shape: Shape): Tensor
  /** Returns the width that the bank needs for the masks so far, if the symbols have these sizes. */
  columns(symbols: Symbols): number
}

/**
 * Makes dropout that depends only on (seed, step, example, place). So a resumed training drops the same elements, and
 * so does a training on another device, which divides a step into other micro-batches and pads them differently.
 *
 * A bank of bits u8 [BANK_ROWS, columns] is drawn once from the seed; 1 keeps an element. A place that needs a mask
 * [batch, .., c] takes rows of the bank, and their first c columns. In each step it has its own first row and stride.
 * No kernel draws random numbers while the model runs.
 * @param longest tokens of the longest example
 */
export function makeDropoutMasks(rate: number, longest: number): DropoutMasks {
  const bank = input('dropout_bank', 'u8', [BANK_ROWS, 'columns'])
  const draws = input('dropout_draws', 'i32', [2 * MAX_PLACES])
  const examples = input('dropout_rows', 'i32', ['batch'])
  const widths = new Set<Dim>()
  let places = 0
  /**
   * Returns the position of each element of [batch, ..] in a list in which every example is as long as the longest, so
   * that padding does not change it.
   */
  const positions = (axes: Shape) =>
    axes.reduce<Tensor>((outer, dim, i) => {
      const inner = scaleInteger(reshape(outer, [...outer.shape, 1]), sizeOf(dim, { source: longest }))
      return add(inner, reshape(iota(dim), [...Array(i + 1).fill(1), dim]))
    }, examples)
  return {
    columns: (symbols) => Math.max(1, ...[...widths].map((width) => sizeOf(width, symbols))),
    mask(shape) {
      const [width] = shape.slice(-1)
      widths.add(width)
      const place = places++
      if (places > MAX_PLACES) throw new Error(`more than ${MAX_PLACES} places have dropout`)
      const draw = (which: 0 | 1) => gather(draws, constant([2 * place + which], [1], 'i32')) // [1]
      const rows = reshape(positions(shape.slice(1, -1)), [elementCount(shape.slice(0, -1))])
      // The first remainder keeps the product below 2^31.
      const index = modulo(add(draw(0), mul(modulo(rows, BANK_ROWS), draw(1))), BANK_ROWS) // [rows]
      const bits = gather(slice(bank, 1, 0, width), index) // [rows, c]
      return reshape(scale(cast(bits, 'f32'), 1 / (1 - rate)), shape)
    },
  }
}

const scaleInteger = (x: Tensor, factor: number): Tensor => mul(x, scalar(factor, 'i32'))

/** Draws the bank for {@link makeDropoutMasks}. Each bit is 1 with probability 1 - rate. */
export function makeDropoutBank(seed: number, rate: number, columns: number): Uint8Array {
  const { uniform } = makeRandom(seed, 'dropout bank')
  const bank = new Uint8Array(new SharedArrayBuffer(BANK_ROWS * columns))
  for (let i = 0; i < bank.length; i++) bank[i] = uniform() < rate ? 0 : 1
  return bank
}

/** Draws the first row in the bank, and the stride, of each place in one step. */
export function drawDropoutRows(seed: number, step: number): Int32Array {
  const { integer } = makeRandom(seed, `dropout ${step}`)
  return Int32Array.from({ length: 2 * MAX_PLACES }, (_, i) =>
    i % 2 === 0 ? integer(BANK_ROWS) : 1 + integer(BANK_ROWS - 1),
  )
}
