import { readdirSync, readFileSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { writeBuild } from '../../tools/write-build.ts'
import { freshPath } from '../checkpoint/helpers.ts'

/** Writes a build whose program prints a word, with a part that it loads later. */
function build(dist: string, word: string): void {
  const main = `export const word = '${word}'\nexport const later = () => import('./later.js')\n`
  const files = [
    { path: 'cli/main.js', contents: main },
    { path: 'cli/later.js', contents: `export const loaded = '${word}'\n` },
  ]
  writeBuild(dist, files, ['cli/main.js'])
}

const builds = (dist: string) => readdirSync(dist).filter((name) => /^[0-9a-f]{12}$/.test(name))
// The address differs each time, because Node loads a module only once.
const load = (dist: string, time: number) => import(`${pathToFileURL(join(dist, 'cli/main.js'))}?${time}`)

test('a program that runs while a newer one is built loads the rest of its own files', async () => {
  const dist = freshPath('dist')
  build(dist, 'first')
  const first = await load(dist, 1)
  build(dist, 'second')
  const second = await load(dist, 2)
  expect([first.word, second.word]).toEqual(['first', 'second'])
  expect((await first.later()).loaded).toBe('first')
  expect((await second.later()).loaded).toBe('second')
})

test('the same files are the same build, older builds are not packed, and three stay', () => {
  const dist = freshPath('dist')
  const seen: string[] = []
  for (const [i, word] of ['a', 'b', 'c', 'd'].entries()) {
    build(dist, word)
    build(dist, word)
    const [id = ''] = builds(dist).filter((name) => !seen.includes(name))
    utimesSync(join(dist, id), i, i)
    seen.push(id)
  }
  expect(builds(dist).sort()).toEqual(seen.slice(1).sort())
  const ignored = readFileSync(join(dist, '.npmignore'), 'utf8').trim().split('\n')
  expect(ignored.sort()).toEqual(
    seen
      .slice(1, 3)
      .map((id) => `/${id}/`)
      .sort(),
  )
})
