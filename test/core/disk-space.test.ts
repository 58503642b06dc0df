import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { leaveReserve, requireDiskSpace } from '../../core/disk-space.ts'
import { toPlain } from '../../core/to-plain.ts'
import { expectError } from '../checkpoint/helpers.ts'

const PEBIBYTE = 2 ** 50
const all = (chunks: Iterable<Uint8Array>, reserve: number) =>
  Array.fromAsync(leaveReserve(chunks, { folder: tmpdir(), reserve }))

test('a write that would take the reserve of a disk is refused, with a name in place of its path', async () => {
  const use = { folder: tmpdir(), name: 'the home folder' }
  await requireDiskSpace({ ...use, reserve: 0 })
  await expectError(requireDiskSpace(use, PEBIBYTE), 'disk_full', 'disk of the home folder', '1073741824 MiB')
  const refused = await requireDiskSpace({ ...use, reserve: PEBIBYTE }).catch(toPlain)
  expect(refused).toMatchObject({
    status: 507,
    problem: expect.stringMatching(/^has \d+ MiB of free space, less than/),
  })
  expect(JSON.stringify(refused)).not.toContain(tmpdir())
})

test('a disk whose free space is unknown accepts writes', async () => {
  await requireDiskSpace({ folder: '/nowhere/at/all' }, PEBIBYTE)
})

test('content passes unchanged while there is room, and stops before it takes the reserve', async () => {
  const chunks = [Buffer.from('some'), Buffer.alloc(3 * 2 ** 20), Buffer.from('more')]
  expect(Buffer.concat(await all(chunks, 0)).equals(Buffer.concat(chunks))).toBe(true)
  expect(await all([], PEBIBYTE)).toEqual([])
  await expect(all(chunks, PEBIBYTE)).rejects.toMatchObject({ code: 'disk_full' })
})

test.each([
  ['of the file system', { code: 'ENOSPC', path: 'out/film' }, 'out/film'],
  [
    'of PostgreSQL, which the store wraps',
    { cause: Object.assign(new Error('no'), { code: '53100' }) },
    'the database',
  ],
])('the error of a full disk %s is disk_full', (_, fields, subject) => {
  expect(toPlain(Object.assign(new Error('failed'), fields))).toMatchObject({ code: 'disk_full', status: 507, subject })
})
