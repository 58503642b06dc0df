import { lstatSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { linkLibraries } from '../../../platform/store/embedded/link-libraries.ts'
import { freshPath } from '../../checkpoint/helpers.ts'

test('the links between libraries are made without the script of the package, and only to files that are there', () => {
  const root = freshPath('package')
  const native = join(root, 'native')
  mkdirSync(join(native, 'lib'), { recursive: true })
  writeFileSync(join(native, 'lib/libpq.so.5.18'), 'library')
  const links = [
    { source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so' },
    { source: 'native/lib/libecpg.so.6', target: 'native/lib/libecpg.so' },
  ]
  writeFileSync(join(native, 'pg-symlinks.json'), JSON.stringify(links))
  for (let i = 0; i < 2; i++) linkLibraries(native)
  expect(readlinkSync(join(native, 'lib/libpq.so'))).toBe('libpq.so.5.18')
  expect(readFileSync(join(native, 'lib/libpq.so'), 'utf8')).toBe('library')
  expect(lstatSync(join(native, 'lib/libecpg.so'), { throwIfNoEntry: false })).toBeUndefined()
})
