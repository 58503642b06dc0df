import type { Platform } from '../platform.ts'
import type { BaseAnswer, BaseList } from '../schemas/bases.ts'
import type { PageRequest } from '../schemas/common.ts'
import { selectBase, selectBasePage } from '../store/bases.ts'
import { toBase } from './to-api.ts'

/** Lists the bases that were used for training or serving, newest first. */
export async function listBases({ store, bases }: Platform, request: PageRequest = {}): Promise<BaseList> {
  const page = await selectBasePage(store.db, request)
  return { ...page, data: page.data.map((row) => toBase(row, bases)) }
}

/** @throws GraftError `base_unknown` */
export async function getBase({ store, bases }: Platform, idOrName: string): Promise<BaseAnswer> {
  return toBase(await selectBase(store.db, idOrName), bases)
}
