import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { saveAdapter } from '../../checkpoint/adapter.ts'
import { requireFreeFolder, writeFolder } from '../../checkpoint/write-folder.ts'
import { expectError, freshPath, randomAdapter, tinyT5 } from './helpers.ts'

const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'ignore' })

/** Yields some bytes and then fails as a write would. */
function* writeThenFail(code: string): Generator<Uint8Array> {
  yield Buffer.alloc(1000)
  throw Object.assign(new Error(code), { code })
}

test('a folder is written with its files if it did not exist or was empty', async () => {
  for (const prepare of [() => {}, (dir: string) => mkdirSync(dir, { recursive: true })]) {
    const dir = freshPath()
    prepare(dir)
    await writeFolder(dir, { 'a.txt': 'text', 'b.bin': [Uint8Array.of(1), Uint8Array.of(2, 3)] })
    expect(readFileSync(join(dir, 'a.txt'), 'utf8')).toBe('text')
    expect([...readFileSync(join(dir, 'b.bin'))]).toEqual([1, 2, 3])
    expect(readdirSync(dirname(dir))).toEqual(['folder'])
  }
})

test('existing files are never overwritten', async () => {
  const dir = freshPath()
  await writeFolder(dir, { 'a.txt': 'first' })
  await expectError(writeFolder(dir, { 'a.txt': 'second' }), 'output_exists', dir, 'a.txt')
  await expectError(requireFreeFolder(join(dir, 'a.txt')), 'output_exists', 'a file')
  expect(readFileSync(join(dir, 'a.txt'), 'utf8')).toBe('first')
})

test('a folder that appears during a write is left unchanged, and nothing is left next to it', async () => {
  const dir = freshPath()
  const content = function* () {
    mkdirSync(dir)
    writeFileSync(join(dir, 'theirs'), '')
    yield Buffer.from('ours')
  }
  await expectError(writeFolder(dir, { ours: content() }), 'output_exists', dir)
  expect(readdirSync(dir)).toEqual(['theirs'])
  expect(readdirSync(dirname(dir))).toEqual(['folder'])
})

test.each(['ENOSPC', 'EDQUOT'])('a full disk (%s) is reported, and nothing is left behind', async (code) => {
  const dir = freshPath()
  await expectError(writeFolder(dir, { 'a.txt': 'text', 'b.bin': writeThenFail(code) }), 'disk_full', dir)
  expect(readdirSync(dirname(dir))).toEqual([])
})

test('any other failure leaves nothing behind either', async () => {
  const dir = freshPath()
  await expect(writeFolder(dir, { 'b.bin': writeThenFail('EIO') })).rejects.toThrow('EIO')
  expect(readdirSync(dirname(dir))).toEqual([])
})

test('saving an adapter on a disk that really is full leaves nothing behind', async ({ skip }) => {
  const disk = freshPath('disk')
  mkdirSync(disk, { recursive: true })
  try {
    run('mount', '-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', disk)
  } catch {
    skip('a small file system cannot be mounted here')
  }
  try {
    const base = await tinyT5()
    await expectError(
      saveAdapter(join(disk, 'adapter'), randomAdapter({ method: 'lora' }, base), base),
      'disk_full',
      'adapter',
    )
    expect(readdirSync(disk)).toEqual([])
  } finally {
    run('umount', disk)
  }
})

test('a rejected save creates no folder', async () => {
  const base = await tinyT5()
  const out = freshPath()
  const { method } = randomAdapter({ method: 'lora' }, base)
  await expectError(saveAdapter(out, { method, values: new Map() }, base), 'checkpoint_tensors')
  expect(existsSync(dirname(out))).toBe(false)
})
