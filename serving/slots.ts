import { cast } from '../graph/ops/elementwise.ts'
import { gather } from '../graph/ops/gather.ts'
import { clamp } from '../graph/ops/index-math.ts'
import { input } from '../graph/ops/leaf.ts'
import { reshape } from '../graph/ops/shape.ts'
import { slice } from '../graph/ops/slice.ts'
import type { Feeds } from '../graph/runtime/session.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Symbols } from '../graph/types.ts'
import type { Model } from '../model/architecture.ts'
import type { Edits } from '../model/edits.ts'
import { ACTIVE, type Parameter } from '../model/method.ts'
import { findMethod, type MethodConfig, parametersOf } from '../model/methods/registry.ts'
import { packTensors, totalSize } from '../model/tensor-shapes.ts'

/**
 * The part of a program that serves adapters of one configuration, whose tensors all have the same shapes. Each batch
 * brings a table [adapters, P] with the P numbers of every adapter in it, tensor after tensor, and each row of the
 * batch selects a row of the table. Row 0 is all zeros and changes nothing; batch rows of other slots select it.
 * Because the table belongs to the batch, a program serves adapters that did not exist when it was compiled.
 */
export interface Slot {
  readonly name: string
  readonly method: MethodConfig
  readonly parameters: readonly Parameter[]
}

export const makeSlot = (name: string, method: MethodConfig, model: Model): Slot => ({
  name,
  method,
  parameters: parametersOf(method, model),
})

const tableName = (slot: Slot): string => `${slot.name}.table`
const rowsName = (slot: Slot): string => `${slot.name}.rows`
const sizeName = (slot: Slot): string => `${slot.name}.adapters`

/** Returns the method's edits with tensors [B, …]: each row of the batch has those of its own adapter. */
export function slotEdits(slot: Slot, model: Model): Partial<Edits> {
  const table = input(tableName(slot), 'f32', [sizeName(slot), totalSize(slot.parameters)])
  const rows = input(rowsName(slot), 'i32', ['batch'])
  const values = gather(table, rows) // [B, P]
  const tensors = new Map<string, Tensor>([[ACTIVE, reshape(cast(clamp(rows, 0, 1), 'f32'), ['batch', 1])]])
  for (const { name, shape, from, size } of packTensors(slot.parameters))
    tensors.set(name, reshape(slice(values, 1, from, size), ['batch', ...shape]))
  return findMethod(slot.method.method).edits(slot.method, (name) => tensors.get(name), model)
}

/** Returns sizes of the slots' tables, to measure a program with. */
export const slotSizes = (slots: readonly Slot[]): Symbols =>
  Object.fromEntries(slots.map((slot) => [sizeName(slot), 2]))

/**
 * Returns the inputs of a slot for one batch.
 * @param values P numbers for each row of the batch; undefined for a row of another slot
 */
export function slotFeeds(slot: Slot, values: readonly (Float32Array | undefined)[]): { feeds: Feeds; sizes: Symbols } {
  const distinct = [...new Set(values)].filter((one) => one !== undefined)
  const rowOf = new Map(distinct.map((one, i) => [one, i + 1]))
  // The size is a power of two, because a device compiles a program for each size.
  const adapters = 2 ** Math.max(1, Math.ceil(Math.log2(distinct.length + 1)))
  return {
    feeds: {
      [tableName(slot)]: { pieces: [totalSize(slot.parameters), ...distinct] },
      [rowsName(slot)]: Int32Array.from(values, (one) => (one ? (rowOf.get(one) as number) : 0)),
    },
    sizes: { [sizeName(slot)]: adapters },
  }
}
