import { GraftError } from '../client/client.ts'
import { graft } from './session.ts'

/** Returns the name of a data set; undefined if it was deleted. */
export const nameOfDataset = (id: string | undefined): Promise<string | undefined> => nameOf(id, graft.datasets.get)

export const nameOfBase = (id: string | undefined): Promise<string | undefined> => nameOf(id, graft.bases.get)

async function nameOf(id: string | undefined, get: (id: string) => Promise<{ name: string }>) {
  if (id === undefined) return undefined
  try {
    return (await get(id)).name
  } catch (error) {
    if (error instanceof GraftError && error.code.endsWith('_unknown')) return undefined
    throw error
  }
}
