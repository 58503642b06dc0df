import type { Platform } from '../platform.ts'
import type { BaseAnswer, BaseList } from '../schemas/bases.ts'
import type { PageRequest } from '../schemas/common.ts'
import * as rows from '../store/bases.ts'
import { shownBase } from './to-api.ts'

/** The bases on which something was trained or served, the newest first. */
export async function listBases({ store, base }: Platform, request: PageRequest = {}): Promise<BaseList> {
  const page = await rows.listBases(store.db, request)
  return { ...page, data: page.data.map((row) => shownBase(row, base.id)) }
}

/** @throws GraftError `base_unknown` */
export async function getBase({ store, base }: Platform, idOrName: string): Promise<BaseAnswer> {
  return shownBase(await rows.getBase(store.db, idOrName), base.id)
}
