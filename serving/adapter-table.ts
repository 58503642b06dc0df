import { gather } from '../graph/ops/gather.ts'
import { input } from '../graph/ops/leaf.ts'
import { reshape } from '../graph/ops/shape.ts'
import { slice } from '../graph/ops/slice.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Symbols } from '../graph/types.ts'
import type { Model } from '../model/architecture.ts'
import type { Edits } from '../model/edits.ts'
import { findMethod, type MethodConfig, parametersOf } from '../model/methods/registry.ts'
import { packTensors, totalSize } from '../model/tensor-shapes.ts'
import type { ParameterFeeds } from './run-batch.ts'

// A batch of several adapters brings a table [adapters, P] with the P numbers of each, tensor after tensor, and each of
// its rows selects a row of the table. Because the table belongs to the batch, a program serves adapters that did not
// exist when it was compiled.

const TABLE = 'table'
const ROWS = 'table.rows'
const ADAPTERS = 'adapters'

/** The size of a table to measure a program with. */
export const TABLE_SIZES: Symbols = { [ADAPTERS]: 2 }

/** Returns the method's edits with tensors [B, …]: each row of the batch has those of its own adapter. */
export function tableEdits(method: MethodConfig, model: Model): Partial<Edits> {
  const parameters = parametersOf(method, model)
  const table = input(TABLE, 'f32', [ADAPTERS, totalSize(parameters)])
  const values = gather(table, input(ROWS, 'i32', ['batch'])) // [B, P]
  const tensors = new Map<string, Tensor>()
  for (const { name, shape, from, size } of packTensors(parameters))
    tensors.set(name, reshape(slice(values, 1, from, size), ['batch', ...shape]))
  return findMethod(method.method).edits(method, (name) => tensors.get(name), model)
}

/**
 * Returns the inputs for one batch.
 * @param values the P numbers of each row's adapter
 */
export function tableFeeds(values: readonly Float32Array[]): ParameterFeeds {
  const distinct = [...new Set(values)]
  const rowOf = new Map(distinct.map((one, i) => [one, i]))
  // The size is a power of two, because a device compiles a program for each size.
  const adapters = 2 ** Math.max(1, Math.ceil(Math.log2(distinct.length)))
  return {
    feeds: {
      [TABLE]: { pieces: distinct },
      [ROWS]: Int32Array.from(values, (one) => rowOf.get(one) as number),
    },
    sizes: { [ADAPTERS]: adapters },
  }
}
