import { and, eq, inArray, isNull, or, sql } from 'drizzle-orm'
import { fail } from '../../core/errors.ts'
import { isUuid } from '../../core/uuid.ts'
import type { Database } from './database.ts'
import { type Page, type PageRequest, pageOf } from './page.ts'
import { nameTaken, unknown } from './refusals.ts'
import { comparisons } from './schema/comparisons.ts'
import { datasets } from './schema/datasets.ts'
import { evaluations } from './schema/evaluations.ts'
import { trainings, unfinished } from './schema/trainings.ts'
import { unsettled } from './short-work.ts'

export type DatasetRow = typeof datasets.$inferSelect
export type NewDataset = typeof datasets.$inferInsert

const there = isNull(datasets.deleted_at)
const called = (idOrName: string) =>
  and(there, isUuid(idOrName) ? eq(datasets.id, idOrName) : eq(datasets.name, idOrName))

/** @throws GraftError `name_taken` */
export async function createDataset(db: Database, dataset: NewDataset): Promise<DatasetRow> {
  const free = { target: datasets.name, where: there }
  const [row] = await db.insert(datasets).values(dataset).onConflictDoNothing(free).returning()
  return row ?? nameTaken('data set', dataset.name)
}

/** @throws GraftError `name_taken` */
export async function requireFreeName(db: Database, name: string): Promise<void> {
  const [row] = await db.select({ id: datasets.id }).from(datasets).where(called(name))
  if (row) nameTaken('data set', name)
}

/** @throws GraftError `dataset_unknown` */
export async function getDataset(db: Database, idOrName: string): Promise<DatasetRow> {
  const [row] = await db.select().from(datasets).where(called(idOrName))
  return row ?? unknown('dataset', idOrName)
}

/**
 * As {@link getDataset}, for work that needs it: until the transaction ends it is not deleted.
 * @param subject where a request names it
 * @throws GraftError `dataset_unknown`
 */
export async function takeDataset(tx: Database, idOrName: string, subject?: string): Promise<DatasetRow> {
  const [row] = await tx.select().from(datasets).where(called(idOrName)).for('key share')
  return row ?? unknown('dataset', idOrName, subject)
}

export async function listDatasets(db: Database, request: PageRequest = {}): Promise<Page<DatasetRow>> {
  const { before, order, take, page } = pageOf(datasets.id, request)
  return page(await db.select().from(datasets).where(and(there, before)).orderBy(order).limit(take))
}

/**
 * Deletes it: its file goes, and its name is free. What was trained and measured on it keeps its row.
 * @returns what it was
 * @throws GraftError `dataset_unknown`, `in_use` where something that needs it has not ended
 */
export async function deleteDataset(db: Database, idOrName: string): Promise<DatasetRow> {
  return db.transaction(async (tx) => {
    const [row] = await tx.select().from(datasets).where(called(idOrName)).for('update')
    if (!row) return unknown('dataset', idOrName)
    const user = await userOf(tx, row.id)
    if (user)
      fail('in_use', {
        subject: `the data set ${row.name}`,
        expected: 'nothing under way that needs it',
        found: user,
        fix: 'Wait for it, or cancel it.',
      })
    await tx.update(datasets).set({ deleted_at: sql`now()` }).where(eq(datasets.id, row.id))
    return row
  })
}

/** The first that needs it, in words. */
async function userOf(tx: Database, id: string): Promise<string | undefined> {
  const [training] = await tx
    .select({ id: trainings.id })
    .from(trainings)
    .where(
      and(or(eq(trainings.dataset_id, id), eq(trainings.test_dataset_id, id)), inArray(trainings.status, unfinished)),
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
      .where(and(eq(table.dataset_id, id), inArray(table.status, unsettled)))
      .limit(1)
    if (work) return `the ${kind} ${work.id}`
  }
  return undefined
}
