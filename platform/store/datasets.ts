import { and, eq, inArray, isNull, or, sql } from 'drizzle-orm'
import { fail } from '../../core/errors.ts'
import { isUuid } from '../../core/uuid.ts'
import type { PageRequest } from '../schemas/common.ts'
import type { Database } from './database.ts'
import { type Page, pageQuery } from './page.ts'
import { comparisons } from './schema/comparisons.ts'
import { datasets } from './schema/datasets.ts'
import { evaluations } from './schema/evaluations.ts'
import { trainings, unfinishedTrainingStatuses } from './schema/trainings.ts'
import { unfinishedWorkStatuses } from './short-work.ts'
import { throwNameTaken, throwUnknown } from './throw-errors.ts'

export type DatasetRow = typeof datasets.$inferSelect
export type NewDataset = typeof datasets.$inferInsert

const isNotDeleted = isNull(datasets.deleted_at)
const hasIdOrName = (idOrName: string) =>
  and(isNotDeleted, isUuid(idOrName) ? eq(datasets.id, idOrName) : eq(datasets.name, idOrName))

/** @throws GraftError `name_taken` */
export async function insertDataset(db: Database, dataset: NewDataset): Promise<DatasetRow> {
  const sameName = { target: datasets.name, where: isNotDeleted }
  const [row] = await db.insert(datasets).values(dataset).onConflictDoNothing(sameName).returning()
  return row ?? throwNameTaken('data set', dataset.name)
}

/** @throws GraftError `name_taken` */
export async function requireFreeDatasetName(db: Database, name: string): Promise<void> {
  const [row] = await db.select({ id: datasets.id }).from(datasets).where(hasIdOrName(name))
  if (row) throwNameTaken('data set', name)
}

/** @throws GraftError `dataset_unknown` */
export async function selectDataset(db: Database, idOrName: string): Promise<DatasetRow> {
  const [row] = await db.select().from(datasets).where(hasIdOrName(idOrName))
  return row ?? throwUnknown('dataset', idOrName)
}

/**
 * Selects a data set and prevents its deletion until the transaction ends.
 * @param subject the field of the request that names the data set
 * @throws GraftError `dataset_unknown`
 */
export async function lockDataset(tx: Database, idOrName: string, subject?: string): Promise<DatasetRow> {
  const [row] = await tx.select().from(datasets).where(hasIdOrName(idOrName)).for('key share')
  return row ?? throwUnknown('dataset', idOrName, subject)
}

export async function selectDatasetPage(db: Database, request: PageRequest = {}): Promise<Page<DatasetRow>> {
  const { isBefore, order, limit, toPage } = pageQuery(datasets.id, request)
  return toPage(await db.select().from(datasets).where(and(isNotDeleted, isBefore)).orderBy(order).limit(limit))
}

/**
 * Marks a data set as deleted, which frees its name and its file. The row stays for the trainings, evaluations and
 * comparisons that used it.
 * @returns the row before the deletion
 * @throws GraftError `dataset_unknown`; `in_use` if unfinished work needs it
 */
export async function deleteDataset(db: Database, idOrName: string): Promise<DatasetRow> {
  return db.transaction(async (tx) => {
    const [row] = await tx.select().from(datasets).where(hasIdOrName(idOrName)).for('update')
    if (!row) return throwUnknown('dataset', idOrName)
    const user = await findUser(tx, row.id)
    if (user)
      fail('in_use', {
        subject: `the data set ${row.name}`,
        problem: `cannot be deleted while ${user} needs it`,
        fix: 'Wait until that has finished, or cancel it.',
      })
    await tx.update(datasets).set({ deleted_at: sql`now()` }).where(eq(datasets.id, row.id))
    return row
  })
}

/** Returns a phrase for the first piece of unfinished work that needs a data set, such as "the training 019a…". */
async function findUser(tx: Database, id: string): Promise<string | undefined> {
  const [training] = await tx
    .select({ id: trainings.id })
    .from(trainings)
    .where(
      and(
        or(eq(trainings.dataset_id, id), eq(trainings.test_dataset_id, id)),
        inArray(trainings.status, unfinishedTrainingStatuses),
      ),
    )
    .limit(1)
  if (training) return `the training ${training.id}`
  for (const [kind, table] of [
    ['evaluation', evaluations],
    ['comparison', comparisons],
  ] as const) {
    const [work] = await tx
      .select({ id: table.id })
      .from(table)
      .where(and(eq(table.dataset_id, id), inArray(table.status, unfinishedWorkStatuses)))
      .limit(1)
    if (work) return `the ${kind} ${work.id}`
  }
  return undefined
}
