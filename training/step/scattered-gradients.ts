import { flattenScatter, scatterParts } from '../../graph/ops/gather.ts'
import { buildProgram, type Program } from '../../graph/program.ts'
import type { Data } from '../../graph/runtime/session.ts'

/** A smaller table has hardly more rows than a micro-batch reads from it. */
const MIN_TABLE_ROWS = 4096

const rowsName = (result: string): string => `${result}.rows`
const idsName = (result: string): string => `${result}.ids`

/**
 * Replaces the gradient of a large embedding [N, E] by what it consists of: `<name>.rows` [n, E], and `<name>.ids` [n],
 * the row of the table to which each is added. A micro-batch reads few rows of a vocabulary, so a table of its gradient
 * would be nearly all zeros.
 * @returns the program, and the names of the results that were replaced
 */
export function splitScatters(program: Program): { program: Program; scattered: ReadonlySet<string> } {
  const scattered = new Set<string>()
  const outputs = Object.entries(program.outputs).flatMap(([name, result]) => {
    const parts = scatterParts(result)
    if (!parts || Number(result.shape[0]) < MIN_TABLE_ROWS) return [[name, result] as const]
    scattered.add(name)
    const { updates, ids } = flattenScatter(parts, result.shape)
    return [[rowsName(name), updates] as const, [idsName(name), ids] as const]
  })
  return scattered.size === 0
    ? { program, scattered }
    : { program: buildProgram(program.name, Object.fromEntries(outputs)), scattered }
}

/** Adds the rows of a result that {@link splitScatters} replaced to a table [N, E], in their order. */
export function addRows(table: Float32Array, name: string, results: Readonly<Record<string, Data>>): void {
  const [rows, ids] = [results[rowsName(name)] as Float32Array, results[idsName(name)] as Int32Array]
  const width = rows.length / ids.length
  for (let row = 0, from = 0; row < ids.length; row++)
    for (let at = ids[row] * width, end = at + width; at < end; ) table[at++] += rows[from++]
}
