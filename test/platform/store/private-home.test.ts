import { chmodSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { openBackend } from '../../../platform/open-backend.ts'
import { makePrivate } from '../../../platform/store/embedded/private-folder.ts'
import { embeddedPlace, emptyPlace, type Place, whyPglite } from '../../contract/store/embedded.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp()
})

async function makeHome(make: () => Promise<Place>): Promise<string> {
  const { options, remove } = await make()
  cleanups.push(remove)
  return options.home
}

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8)

test('a home that others could enter is corrected at start, with its database, whatever the umask', async () => {
  const home = await makeHome(embeddedPlace)
  const database = join(home, whyPglite ? 'database' : 'postgres')
  for (const path of [home, database]) chmodSync(path, 0o755)
  const umask = process.umask(0)
  try {
    const backend = await openBackend({ databaseUrl: '', home })
    expect([home, database].map(modeOf)).toEqual(['700', '700'])
    await backend.close()
  } finally {
    process.umask(umask)
  }
})

test('a folder that is new is private, and one that everyone shares on purpose stays as it is', async () => {
  const root = await makeHome(emptyPlace)
  const umask = process.umask(0)
  try {
    makePrivate(join(root, 'a/b'))
  } finally {
    process.umask(umask)
  }
  expect([join(root, 'a'), join(root, 'a/b')].map(modeOf)).toEqual(['700', '700'])
  const shared = join(root, 'shared')
  mkdirSync(shared)
  chmodSync(shared, 0o1777)
  makePrivate(shared)
  expect(modeOf(shared)).toBe('1777')
})
