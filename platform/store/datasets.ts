import { and, eq, inArray, isNull, or, sql } from 'drizzle-orm'
import { fail } from '../../core/errors.ts'
import { isUuid } from '../../core/uuid.ts'
import type { Reading } from '../../training/data/reading.ts'
import type { PageRequest } from '../schemas/common.ts'
import type { Database } from './database.ts'
import { type ListOrder, type Page, pageQuery } from './page.ts'
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

/**
 * Inserts a data set, or returns the one with the same name and file.
 * @throws GraftError `name_taken` if the name is that of another file
 */
export async function insertDataset(db: Database, dataset: NewDataset): Promise<DatasetRow> {
  const sameName = { target: datasets.name, where: isNotDeleted }
  const [row] = await db.insert(datasets).values(dataset).onConflictDoNothing(sameName).returning()
  return row ?? (await findSameDataset(db, dataset)) ?? throwNameTaken('data set', dataset.name)
}

/**
 * Returns the data set with the same name and file, read in the same way, or undefined if the name is free.
 * @throws GraftError `name_taken` if the name is that of another file, or of one that was read in another way
 */
export async function findSameDataset(
  db: Database,
  { name, digest, reading = {} }: Pick<NewDataset, 'name' | 'digest' | 'reading'>,
): Promise<DatasetRow | undefined> {
  const known = await findDatasetByName(db, name)
  const isSame = known?.digest === digest && isReadAs(known.reading, reading)
  return known === undefined || isSame ? known : throwNameTaken('data set', name)
}

/** Returns whether a file was read as requested. Columns that a request leaves out are those that were recognized. */
const isReadAs = (stored: Reading, requested: Reading): boolean =>
  stored.skip_bad === requested.skip_bad &&
  stored.max_skipped === requested.max_skipped &&
  (['text_column', 'label_column'] as const).every((field) => [undefined, stored[field]].includes(requested[field]))

/** @throws GraftError `name_taken` if a file of this many bytes cannot be that of the data set with this name */
export async function requireUploadableName(db: Database, name: string): Promise<(bytes: number) => void> {
  const known = await findDatasetByName(db, name)
  return (bytes) => {
    if (known && bytes > known.bytes) throwNameTaken('data set', name)
  }
}

async function findDatasetByName(db: Database, name: string): Promise<DatasetRow | undefined> {
  const [row] = await db.select().from(datasets).where(hasIdOrName(name))
  return row
}

/** @throws GraftError `dataset_unknown` */
export async function selectDataset(db: Database, idOrName: string): Promise<DatasetRow> {
  const [row] = await db.select().from(datasets).where(hasIdOrName(idOrName))
  return row ?? throwUnknown('dataset', idOrName)
}

/** Returns whether a data set has this file. */
export async function isDatasetFile(db: Database, digest: string): Promise<boolean> {
  const withFile = and(isNotDeleted, eq(datasets.digest, digest))
  const [row] = await db.select({ id: datasets.id }).from(datasets).where(withFile).limit(1)
  return row !== undefined
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

export async function selectDatasetPage(
  db: Database,
  request: PageRequest = {},
  first?: ListOrder,
): Promise<Page<DatasetRow>> {
  const { isAfterCursor, order, limit, toPage } = pageQuery(datasets.id, request, first)
  return toPage(await db.select().from(datasets).where(and(isNotDeleted, isAfterCursor)).orderBy(order).limit(limit))
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
