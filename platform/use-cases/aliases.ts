import type { Caller, Platform } from '../platform.ts'
import {
  type Alias,
  type AliasList,
  type AliasMoveList,
  type AliasRequest,
  DEFAULT_MARGIN,
  type Guard,
} from '../schemas/aliases.ts'
import { type PageRequest, resourceName } from '../schemas/common.ts'
import { parse } from '../schemas/parse.ts'
import { selectAdapter, snapshotOf } from '../store/adapters.ts'
import {
  deleteAlias,
  lockAlias,
  selectAlias,
  selectAliasMovePage,
  selectAliasPage,
  targetOf,
  upsertAlias,
} from '../store/aliases.ts'
import type { Database } from '../store/database.ts'
import { lockDataset } from '../store/datasets.ts'
import { selectShortWork } from '../store/short-work.ts'
import { requireScope } from './access.ts'
import { requireNotWorse } from './alias-guard.ts'
import { toAlias, toAliasMove } from './to-api.ts'

/** Lists aliases, newest first. */
export async function listAliases({ store }: Platform, request: PageRequest = {}): Promise<AliasList> {
  const page = await selectAliasPage(store.db, request)
  return { ...page, data: page.data.map(toAlias) }
}

/** @throws GraftError `alias_unknown` */
export async function getAlias({ store }: Platform, name: string): Promise<Alias> {
  return toAlias(await selectAlias(store.db, name))
}

/** Lists the moves of an alias, newest first. Those of a removed alias are still listed. */
export async function listAliasMoves(
  { store }: Platform,
  name: string,
  request: PageRequest = {},
): Promise<AliasMoveList> {
  const page = await selectAliasMovePage(store.db, name, request)
  return { ...page, data: page.data.map(toAliasMove) }
}

/**
 * Points an alias to an adapter and records the move. From then on, that adapter answers under the alias. If nothing
 * changes, nothing is recorded.
 * @throws GraftError `adapter_unknown`, `dataset_unknown`, `comparison_unknown`, `name_taken`, `scope_missing`;
 *   `promotion_refused` if the alias is guarded or the request names a comparison, and no comparison shows that the new
 *   adapter is no worse
 */
export async function setAlias(
  { store }: Platform,
  name: string,
  request: AliasRequest,
  caller: Caller,
): Promise<Alias> {
  parse(resourceName, name, 'the name of the alias', 'Choose another name, such as production.')
  const row = await store.transaction(async (tx) => {
    const known = await lockAlias(tx, name)
    const to = snapshotOf(await selectAdapter(tx, request.adapter))
    const from = known && targetOf(known)
    const guard = await resolveGuard(tx, request, known?.guard ?? null)
    const keepsGuard = isSameGuard(guard, known?.guard ?? null)
    if (known?.guard && !keepsGuard) requireScope(caller, 'admin')
    const moves = from !== undefined && from.id !== to.id
    if (known && keepsGuard && !moves) return known
    const { force = false, comparison: comparison_id } = request
    if (force) requireScope(caller, 'admin')
    else if (moves && (guard || comparison_id !== undefined)) {
      const comparison =
        comparison_id === undefined ? undefined : await selectShortWork(tx, 'comparison', comparison_id)
      requireNotWorse(name, { from, to }, guard ?? { margin: DEFAULT_MARGIN }, comparison)
    }
    const move = { from, to, comparison_id, forced: force && moves, owner: caller.owner }
    return upsertAlias(tx, { name, adapter_id: to.id, guard }, move)
  })
  return toAlias(row)
}

/**
 * Removes an alias. The record of its moves stays.
 * @throws GraftError `alias_unknown`; `scope_missing` if it is guarded
 */
export async function removeAlias({ store }: Platform, name: string, caller: Caller): Promise<void> {
  await store.transaction(async (tx) => {
    const known = (await lockAlias(tx, name)) ?? (await selectAlias(tx, name))
    if (known.guard) requireScope(caller, 'admin')
    await deleteAlias(tx, known, caller.owner)
  })
}

/** Returns the requested guard. Defaults to the current one. */
async function resolveGuard(tx: Database, { guard }: AliasRequest, current: Guard | null): Promise<Guard | null> {
  if (guard === undefined) return current
  if (guard === null) return null
  const { margin = DEFAULT_MARGIN, dataset } = guard
  return { margin, ...(dataset !== undefined && { dataset: (await lockDataset(tx, dataset, 'guard.dataset')).id }) }
}

const isSameGuard = (a: Guard | null, b: Guard | null): boolean => a?.margin === b?.margin && a?.dataset === b?.dataset
