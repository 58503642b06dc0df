import { readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { keyOf } from '../../../platform/artifacts/artifacts.ts'
import type { Database } from '../../../platform/store/database.ts'
import { collectGarbage } from '../../../platform/worker/maintenance.ts'
import { embeddedPlace } from '../../contract/store/embedded.ts'
import { all } from '../artifacts/places.ts'
import { setUpWorker, type WorkerSetup } from './worker-context.ts'

const logged: unknown[] = []
let setup: WorkerSetup
beforeAll(async () => {
  setup = await setUpWorker(embeddedPlace, logged)
})
afterAll(async () => {
  await setup.context.close()
  await setup.place.remove()
})

const longAgo = new Date('2020-01-01')
const artifactsOf = async () => (await all(setup.context.artifacts.list())).map(({ digest }) => digest).sort()

/** Dates all artifacts and the trash back by years, as if they had been there for as long. */
async function ageArtifacts(): Promise<void> {
  const folder = join(setup.home, 'artifacts')
  for (const digest of await artifactsOf()) utimesSync(join(folder, keyOf(digest)), longAgo, longAgo)
  const later = new Date('2021-01-01')
  for (const name of readdirSync(join(folder, 'trash'))) utimesSync(join(folder, 'trash', name), later, later)
}

/** Returns a database that answers every statement with no rows and without an error. */
const withoutRows = (db: Database): Database =>
  new Proxy(db, { get: (at, field) => (field === 'execute' ? async () => ({ rows: [] }) : Reflect.get(at, field)) })

test('a sweep on a database that answers with no rows removes nothing, not even what was in the trash', async () => {
  const { context } = setup
  const { digest: loose } = await context.artifacts.put([Buffer.from('nothing refers to this')])
  await ageArtifacts()
  await context.artifacts.trash(loose)
  await ageArtifacts()
  const before = await artifactsOf()
  expect(before).toHaveLength(4)
  const store = { ...context.store, db: withoutRows(context.store.db) }
  for (let sweep = 0; sweep < 3; sweep++) {
    await expect(collectGarbage({ ...context, store })).rejects.toMatchObject({ code: 'store_unavailable' })
    await ageArtifacts()
  }
  expect(await artifactsOf()).toEqual(before)

  await collectGarbage(context)
  expect(await artifactsOf()).toEqual(before.filter((digest) => digest !== loose))
  expect(logged).toEqual([])
})

test('a sweep that stops because most artifacts seem to be garbage says so in the log', async () => {
  const { context } = setup
  for (let i = 0; i < 60; i++) await context.artifacts.put([Buffer.from(`loose ${i}`)])
  await ageArtifacts()
  await collectGarbage(context)
  expect(logged).toMatchObject([{ message: expect.stringMatching(/nothing refers to 60 of 63 artifacts/) }])
  expect(await artifactsOf()).toHaveLength(63)
})
