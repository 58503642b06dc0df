import { cast } from '../graph/ops/elementwise.ts'
import { gather } from '../graph/ops/gather.ts'
import { clamp } from '../graph/ops/index-math.ts'
import { input } from '../graph/ops/leaf.ts'
import { reshape } from '../graph/ops/shape.ts'
import { slice } from '../graph/ops/slice.ts'
import type { Feeds } from '../graph/runtime/session.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Symbols } from '../graph/types.ts'
import type { Edits } from '../model/edits.ts'
import { ACTIVE, type Parameter } from '../model/method.ts'
import { type MethodConfig, methodNamed } from '../model/methods/registry.ts'
import type { T5Config } from '../model/t5/config.ts'
import { countOf, laidOut } from '../model/t5/tensors.ts'

/**
 * The place of a program for adapters of one configuration, whose tensors have the same shapes. In a batch each row names its adapter by a
 * row of a table [adapters, P], of P numbers an adapter, its tensors one after the other. Row 0 is all zeros and changes nothing, for the
 * rows of other slots. A batch's table holds the adapters of that batch alone, so a program serves any that come.
 */
export interface Slot {
  readonly name: string
  readonly method: MethodConfig
  readonly parameters: readonly Parameter[]
}

export const makeSlot = (name: string, method: MethodConfig, t5: T5Config): Slot => ({
  name,
  method,
  parameters: methodNamed(method.method).parameters(method, t5),
})

const tableOf = (slot: Slot): string => `${slot.name}.table`
const rowsOf = (slot: Slot): string => `${slot.name}.rows`
const adaptersOf = (slot: Slot): string => `${slot.name}.adapters`

/** The method's edits, each row of the batch with its own tensors [B, …]. */
export function slotEdits(slot: Slot, t5: T5Config): Partial<Edits> {
  const table = input(tableOf(slot), 'f32', [adaptersOf(slot), countOf(slot.parameters)])
  const rows = input(rowsOf(slot), 'i32', ['batch'])
  const own = gather(table, rows) // [B, P]
  const views = new Map<string, Tensor>([[ACTIVE, reshape(cast(clamp(rows, 0, 1), 'f32'), ['batch', 1])]])
  for (const { name, shape, from, size } of laidOut(slot.parameters))
    views.set(name, reshape(slice(own, 1, from, size), ['batch', ...shape]))
  return methodNamed(slot.method.method).edits(slot.method, (name) => views.get(name), t5)
}

/**
 * What a batch feeds of a slot.
 * @param values P numbers for each row of the batch, undefined for a row of another slot
 */
export function slotFeeds(slot: Slot, values: readonly (Float32Array | undefined)[]): { feeds: Feeds; sizes: Symbols } {
  const distinct = [...new Set(values)].filter((own) => own !== undefined)
  const places = new Map(distinct.map((own, i) => [own, i + 1]))
  // A power of two, since a device has a program for each size.
  const adapters = 2 ** Math.max(1, Math.ceil(Math.log2(distinct.length + 1)))
  return {
    feeds: {
      [tableOf(slot)]: { pieces: [countOf(slot.parameters), ...distinct] },
      [rowsOf(slot)]: Int32Array.from(values, (own) => (own ? (places.get(own) as number) : 0)),
    },
    sizes: { [adaptersOf(slot)]: adapters },
  }
}
