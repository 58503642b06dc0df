import type { Caller, Platform } from '../platform.ts'
import {
  type Alias,
  type AliasList,
  type AliasMoveList,
  type AliasRequest,
  type Guard,
  MARGIN,
} from '../schemas/aliases.ts'
import { newName, type PageRequest } from '../schemas/common.ts'
import { parse } from '../schemas/parse.ts'
import { getAdapter, weightsOf } from '../store/adapters.ts'
import * as rows from '../store/aliases.ts'
import type { Database } from '../store/database.ts'
import { takeDataset } from '../store/datasets.ts'
import { getShortWork } from '../store/short-work.ts'
import { requireScope } from './access.ts'
import { requireNotWorse } from './alias-guard.ts'
import { shownAlias, shownAliasMove } from './to-api.ts'

/** The newest first. */
export async function listAliases({ store }: Platform, request: PageRequest = {}): Promise<AliasList> {
  const page = await rows.listAliases(store.db, request)
  return { ...page, data: page.data.map(shownAlias) }
}

/** @throws GraftError `alias_unknown` */
export async function getAlias({ store }: Platform, name: string): Promise<Alias> {
  return shownAlias(await rows.getAlias(store.db, name))
}

/** What became of an alias, the newest first; also of one that was removed. */
export async function listAliasMoves(
  { store }: Platform,
  name: string,
  request: PageRequest = {},
): Promise<AliasMoveList> {
  const page = await rows.listAliasMoves(store.db, name, request)
  return { ...page, data: page.data.map(shownAliasMove) }
}

/**
 * Makes an alias lead to an adapter, and records it. What answers under the alias from then on is that adapter. Where it leads there already and
 * nothing else changes, nothing is recorded.
 * @throws GraftError `adapter_unknown`, `dataset_unknown`, `comparison_unknown`, `name_taken`; `promotion_refused` where the alias is guarded, or
 * a comparison is named, and that does not show that the new adapter is not worse; `scope_missing`
 */
export async function setAlias(
  { store }: Platform,
  name: string,
  request: AliasRequest,
  caller: Caller,
): Promise<Alias> {
  parse(newName, name, 'the name of the alias', 'Choose another name, such as production.')
  const row = await store.transaction(async (tx) => {
    const known = await rows.holdAlias(tx, name)
    const to = weightsOf(await getAdapter(tx, request.adapter))
    const from = known && rows.leadsTo(known)
    const guard = await guardOf(tx, request, known?.guard ?? null)
    const isSameGuard = same(guard, known?.guard ?? null)
    if (known?.guard && !isSameGuard) requireScope(caller, 'admin')
    const moves = from !== undefined && from.id !== to.id
    if (known && isSameGuard && !moves) return known
    const { force = false, comparison: comparison_id } = request
    if (force) requireScope(caller, 'admin')
    else if (moves && (guard || comparison_id !== undefined)) {
      const comparison = comparison_id === undefined ? undefined : await getShortWork(tx, 'comparison', comparison_id)
      requireNotWorse(name, { from, to }, guard ?? { margin: MARGIN }, comparison)
    }
    const move = { from, to, comparison_id, forced: force && moves, owner: caller.owner }
    return rows.moveAlias(tx, { name, adapter_id: to.id, guard }, move)
  })
  return shownAlias(row)
}

/** Its moves stay recorded. @throws GraftError `alias_unknown`; `scope_missing` where it is guarded */
export async function removeAlias({ store }: Platform, name: string, caller: Caller): Promise<void> {
  await store.transaction(async (tx) => {
    const known = (await rows.holdAlias(tx, name)) ?? (await rows.getAlias(tx, name))
    if (known.guard) requireScope(caller, 'admin')
    await rows.removeAlias(tx, known, caller.owner)
  })
}

/** What is asked for, or what there is. */
async function guardOf(tx: Database, { guard: asked }: AliasRequest, known: Guard | null): Promise<Guard | null> {
  if (asked === undefined || asked === null) return asked === null ? null : known
  const { margin = MARGIN, dataset } = asked
  return { margin, ...(dataset !== undefined && { dataset: (await takeDataset(tx, dataset, 'guard.dataset')).id }) }
}

const same = (a: Guard | null, b: Guard | null): boolean => a?.margin === b?.margin && a?.dataset === b?.dataset
