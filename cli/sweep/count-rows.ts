import type { ParameterCount } from '../../platform/schemas/parameters.ts'
import { type Api, getJson } from '../store/api.ts'
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
    const query = new URLSearchParams({ base: base.id })
    for (const [field, value] of Object.entries(method))
      if (value !== undefined) query.set(field, Array.isArray(value) ? value.join(',') : String(value))
    counts.set(name, await getJson<ParameterCount>(api, `/v1/parameters?${query}`))
  }
  return counts
}
