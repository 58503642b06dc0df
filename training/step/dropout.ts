import { random } from '../../core/random.ts'
import { elements, sizeOf } from '../../graph/dim.ts'
import { add, cast, mul, scale } from '../../graph/ops/elementwise.ts'
import { gather } from '../../graph/ops/gather.ts'
import { iota, modulo } from '../../graph/ops/index-math.ts'
import { constant, input, scalar } from '../../graph/ops/leaf.ts'
import { reshape } from '../../graph/ops/shape.ts'
import { slice } from '../../graph/ops/slice.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { Dim, Shape, Symbols } from '../../graph/types.ts'

/** Rows of the bank; a prime, so that any stride visits all of them. */
const ROWS = 4093

/** At most this many places of a model may drop; each takes its own two numbers a step. */
const SITES = 1024

export interface DropoutSites {
  mask(shape: Shape): Tensor
  /** The width of the bank, `columns`: that of the widest mask made so far, with symbols of these sizes. */
  columns(symbols: Symbols): number
}

/**
 * Dropout that is a function of (seed, step, review, place) alone, so that a resumed training drops the same elements, and so does one on
 * another device, which cuts a step into other micro-batches and pads them otherwise.
 * A bank of keep-bits u8 [ROWS, columns] is made once from the seed. A place that needs [batch, .., c] reads its rows from a start and with
 * a stride of its own, drawn for every step, and their first c columns: no kernel draws numbers while the model runs.
 * @param longest tokens of the longest review
 */
export function dropoutSites(rate: number, longest: number): DropoutSites {
  const bank = input('dropout_bank', 'u8', [ROWS, 'columns'])
  const draws = input('dropout_draws', 'i32', [2 * SITES])
  const reviews = input('dropout_rows', 'i32', ['batch'])
  const widths = new Set<Dim>()
  let sites = 0
  /** [batch, ..] → which row of the bank each has if none were left out: as many for a short review as for the longest. */
  const positions = (axes: Shape) =>
    axes.reduce<Tensor>((outer, dim, i) => {
      const inner = scale32(reshape(outer, [...outer.shape, 1]), sizeOf(dim, { source: longest }))
      return add(inner, reshape(iota(dim), [...Array(i + 1).fill(1), dim]))
    }, reviews)
  return {
    columns: (symbols) => Math.max(1, ...[...widths].map((width) => sizeOf(width, symbols))),
    mask(shape) {
      const [width] = shape.slice(-1)
      widths.add(width)
      const site = sites++
      if (sites > SITES) throw new Error(`dropout has room for ${SITES} places`)
      const part = (which: 0 | 1) => gather(draws, constant([2 * site + which], [1], 'i32')) // [1]
      const rows = reshape(positions(shape.slice(1, -1)), [elements(shape.slice(0, -1))])
      // The first remainder keeps the product below 2^31.
      const index = modulo(add(part(0), mul(modulo(rows, ROWS), part(1))), ROWS) // [rows]
      const bits = gather(slice(bank, 1, 0, width), index) // [rows, c]
      return reshape(scale(cast(bits, 'f32'), 1 / (1 - rate)), shape)
    },
  }
}

const scale32 = (x: Tensor, factor: number): Tensor => mul(x, scalar(factor, 'i32'))

/** The bank for {@link dropoutSites}: each bit is 1 with probability 1 - rate. */
export function dropoutBank(seed: number, rate: number, columns: number): Uint8Array {
  const { uniform } = random(seed, 'dropout bank')
  const bank = new Uint8Array(new SharedArrayBuffer(ROWS * columns))
  for (let i = 0; i < bank.length; i++) bank[i] = uniform() < rate ? 0 : 1
  return bank
}

/** Where each place starts reading the bank in one step, and with which stride. */
export function dropoutDraws(seed: number, step: number): Int32Array {
  const { integer } = random(seed, `dropout ${step}`)
  return Int32Array.from({ length: 2 * SITES }, (_, i) => (i % 2 === 0 ? integer(ROWS) : 1 + integer(ROWS - 1)))
}
