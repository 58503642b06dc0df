import { random } from '../core/random.ts'
import { sizeOf, times } from '../graph/dim.ts'
import { add, cast, mul, scale } from '../graph/ops/elementwise.ts'
import { gather } from '../graph/ops/gather.ts'
import { iota, modulo } from '../graph/ops/index-math.ts'
import { input } from '../graph/ops/leaf.ts'
import { reshape } from '../graph/ops/shape.ts'
import { slice } from '../graph/ops/slice.ts'
import type { Symbols } from '../graph/runtime/session.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Dim, Shape } from '../graph/types.ts'

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
 * Dropout that is a function of (seed, step, micro-batch, place) alone, so that a resumed training drops the same elements.
 * A bank of keep-bits u8 [ROWS, columns] is made once from the seed. A place that needs [.., c] reads its rows from a start and with a
 * stride of its own, drawn for every run, and their first c columns: no kernel draws numbers while the model runs.
 */
export function dropoutSites(rate: number): DropoutSites {
  const bank = input('dropout_bank', 'u8', [ROWS, 'columns'])
  const draws = input('dropout_draws', 'i32', [SITES, 2])
  const widths = new Set<Dim>()
  let sites = 0
  return {
    columns: (symbols) => Math.max(1, ...[...widths].map((width) => sizeOf(width, symbols))),
    mask(shape) {
      widths.add(shape[shape.length - 1])
      const site = slice(draws, 0, sites++, 1) // [1, 2]
      if (sites > SITES) throw new Error(`dropout has room for ${SITES} places`)
      const rows = times(...shape.slice(0, -1))
      const part = (column: number) => reshape(slice(site, 1, column, 1), [1])
      const index = modulo(add(part(0), mul(iota(rows), part(1))), ROWS) // [rows]
      const bits = gather(slice(bank, 1, 0, shape[shape.length - 1]), index) // [rows, c]
      return reshape(scale(cast(bits, 'f32'), 1 / (1 - rate)), shape)
    },
  }
}

/** The bank for {@link dropoutSites}: each bit is 1 with probability 1 - rate. */
export function dropoutBank(seed: number, rate: number, columns: number): Uint8Array {
  const { uniform } = random(seed, 'dropout bank')
  const bank = new Uint8Array(new SharedArrayBuffer(ROWS * columns))
  for (let i = 0; i < bank.length; i++) bank[i] = uniform() < rate ? 0 : 1
  return bank
}

/** Where each place starts reading the bank in one micro-batch of one step, and with which stride. */
export function dropoutDraws(seed: number, step: number, micro: number): Int32Array {
  const { integer } = random(seed, `dropout ${step} ${micro}`)
  // rows · stride stays below 2^31 for every batch that fits in memory
  return Int32Array.from({ length: 2 * SITES }, (_, i) => (i % 2 === 0 ? integer(ROWS) : 1 + integer(ROWS - 1)))
}
