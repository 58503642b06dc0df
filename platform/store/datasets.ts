import { eq } from 'drizzle-orm'
import { isUuid } from '../../core/uuid.ts'
import type { Database } from './database.ts'
import { type Page, type PageRequest, pageOf } from './page.ts'
import { nameTaken, unknown } from './refusals.ts'
import { datasets } from './schema/datasets.ts'

export type DatasetRow = typeof datasets.$inferSelect
export type NewDataset = typeof datasets.$inferInsert

/** @throws GraftError `name_taken` */
export async function createDataset(db: Database, dataset: NewDataset): Promise<DatasetRow> {
  const [row] = await db.insert(datasets).values(dataset).onConflictDoNothing({ target: datasets.name }).returning()
  return row ?? nameTaken('data set', dataset.name)
}

/** @throws GraftError `name_taken` */
export async function requireFreeName(db: Database, name: string): Promise<void> {
  const [row] = await db.select({ id: datasets.id }).from(datasets).where(eq(datasets.name, name))
  if (row) nameTaken('data set', name)
}

/** @param subject where a request names it @throws GraftError `dataset_unknown` */
export async function getDataset(db: Database, idOrName: string, subject?: string): Promise<DatasetRow> {
  const [row] = await db
    .select()
    .from(datasets)
    .where(isUuid(idOrName) ? eq(datasets.id, idOrName) : eq(datasets.name, idOrName))
  return row ?? unknown('dataset', idOrName, subject)
}

export async function listDatasets(db: Database, request: PageRequest = {}): Promise<Page<DatasetRow>> {
  const { before, order, take, page } = pageOf(datasets.id, request)
  return page(await db.select().from(datasets).where(before).orderBy(order).limit(take))
}
