import type { ParameterCount } from '../../platform/schemas/parameters.ts'
import type { Api } from '../store/api.ts'
import type { Grid } from './grid.ts'
import type { SweepInputs } from './inputs.ts'

/**
 * Counts the parameters that each row trains, by the name of the row. It also finds methods that do not fit the base,
 * before anything is launched.
 * @throws GraftError `method_invalid`
 */
export async function countRows(api: Api, grid: Grid, { base }: SweepInputs): Promise<Map<string, ParameterCount>> {
  const counts = new Map<string, ParameterCount>()
  for (const { name, method } of grid.rows) {
    counts.set(name, await api.parameters.count({ base: base.id, ...method }))
  }
  return counts
}
