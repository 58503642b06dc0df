import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { snapshotFolder } from '../../checkpoint/hub-name.ts'
import { openPlatform } from '../../platform/open-platform.ts'
import { nameHubBase } from '../../platform/store/bases.ts'
import { editTensors, freshPath } from '../checkpoint/helpers.ts'
import { tinyBase } from '../training/tiny.ts'

const cache = freshPath('cache')
const repo = 'owner/tiny_base'

/** Makes a snapshot in a cache of the hub. Each factor gives other weights. */
async function snapshot(digit: string, factor: number): Promise<string> {
  const dir = snapshotFolder(cache, { repo, commit: digit.repeat(40) })
  mkdirSync(dir, { recursive: true })
  cpSync(tinyBase(), dir, { recursive: true })
  await editTensors(join(dir, 'model.safetensors'), (tensors) => {
    for (const { data } of tensors.values()) data[0] *= factor
  })
  return dir
}

test('revisions of a repository live side by side in a store, and a known one keeps its name', async () => {
  const [home, first, second, same] = [
    freshPath('home'),
    await snapshot('a', 1),
    await snapshot('b', 2),
    await snapshot('c', 1),
  ]
  const namesOf = async (...base: string[]) => {
    const platform = await openPlatform({ base, home, databaseUrl: '', threads: 1 })
    const names = platform.bases.map(({ name }) => name)
    const other = await nameHubBase(platform.store.db, { repo: 'owner/tiny-base', commit: 'd'.repeat(40) }, 'x')
    await platform.close()
    // An underscore is a wildcard in SQL.
    expect(other).toEqual({ name: 'owner/tiny-base', isKnown: false })
    return names
  }
  expect(await namesOf(first)).toEqual([repo])
  expect(await namesOf(second, first)).toEqual([`${repo}@bbbbbbbbbbbb`, repo])
  expect(await namesOf(second)).toEqual([`${repo}@bbbbbbbbbbbb`])
  // Another commit with the same weights is the same base.
  expect(await namesOf(same)).toEqual([repo])
})
