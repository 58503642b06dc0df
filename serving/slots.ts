import type { Adapter } from '../checkpoint/adapter.ts'
import { sharedFloats } from '../core/shared-memory.ts'
import { cast } from '../graph/ops/elementwise.ts'
import { gather } from '../graph/ops/gather.ts'
import { clamp } from '../graph/ops/index-math.ts'
import { input } from '../graph/ops/leaf.ts'
import { reshape } from '../graph/ops/shape.ts'
import { slice } from '../graph/ops/slice.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Edits } from '../model/edits.ts'
import { ACTIVE, type Parameter } from '../model/method.ts'
import { type MethodConfig, methodNamed } from '../model/methods/registry.ts'
import type { T5Config } from '../model/t5-config.ts'
import { countOf, laidOut } from '../model/tensors.ts'

/**
 * Adapters of one configuration, whose tensors have the same shapes. In a batch each row names its adapter by a row of the table;
 * row 0 is all zeros and changes nothing, for the rows of other slots.
 */
export interface Slot {
  readonly name: string
  readonly method: MethodConfig
  readonly parameters: readonly Parameter[]
  /** [adapters + 1, P] in shared memory: P numbers an adapter, its tensors one after the other. */
  readonly table: Float32Array
  /** The row of each adapter. */
  readonly rows: ReadonlyMap<Adapter, number>
}

/** Puts adapters of equal configuration into one slot. */
export function makeSlots(adapters: readonly Adapter[], t5: T5Config): Slot[] {
  const groups = Map.groupBy(adapters, ({ method }) => JSON.stringify(method))
  return [...groups.values()].map((members, i) => {
    const [{ method }] = members
    const parameters = methodNamed(method.method).parameters(method, t5)
    const width = countOf(parameters)
    const table = sharedFloats((members.length + 1) * width)
    for (const [row, { values }] of members.entries()) {
      for (const { name, from } of laidOut(parameters))
        table.set(values.get(name) as Float32Array, (row + 1) * width + from)
    }
    return {
      name: `slot${i}`,
      method,
      parameters,
      table,
      rows: new Map(members.map((adapter, row) => [adapter, row + 1])),
    }
  })
}

export const tableOf = (slot: Slot): string => `${slot.name}.table`
export const rowsOf = (slot: Slot): string => `${slot.name}.rows`
export const adaptersOf = (slot: Slot): string => `${slot.name}.adapters`

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
