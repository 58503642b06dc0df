import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { packFolder } from '../../../platform/artifacts/pack-folder.ts'
import { unpackFolder } from '../../../platform/artifacts/unpack-folder.ts'
import { expectError } from '../../checkpoint/helpers.ts'
import { arriving, readTree, type Tree, writeTree } from './archives.ts'
import { freshPath } from './places.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** A folder with names and contents that are hard to pack. */
const sample: Tree = {
  'adapter_config.json': Buffer.from('{}\n'),
  'adapter_model.safetensors': Buffer.alloc(70_000, 'weights'),
  empty: Buffer.alloc(0),
  'empty-folder/': undefined,
  'größe/日本語.txt': Buffer.from('text'),
  [`long/${'n'.repeat(200)}/${'m'.repeat(200)}`]: Buffer.alloc(512),
}

function makeFolder(tree: Tree): string {
  const dir = freshPath()
  writeTree(dir, tree)
  return dir
}

test('the same folder is packed to the same bytes, whatever its dates, modes and order', async () => {
  const first = makeFolder(sample)
  const second = makeFolder(Object.fromEntries(Object.entries(sample).reverse()))
  for (const path of readdirSync(second, { recursive: true }) as string[]) {
    utimesSync(join(second, path), 1, 2)
    chmodSync(join(second, path), 0o700)
  }
  const bytes = await buffer(packFolder(first))
  expect(await buffer(packFolder(second))).toEqual(bytes)
  // Stored artifacts have digests of these bytes. With another one, the same folder would be stored twice.
  expect(sha256(bytes)).toBe('861180fd7fc0c8f7cd3447bf532b422a8b2201636f8f04d8878fd32d9ee50297')
})

test('tar can unpack a packed folder', async () => {
  const dir = makeFolder(sample)
  const out = freshPath()
  mkdirSync(out)
  execFileSync('tar', ['-xf', '-', '-C', out], { input: await buffer(packFolder(dir)) })
  expect(readTree(out)).toEqual(readTree(dir))
})

test.each(['gnu', 'posix'])('an archive of tar in the format %s can be unpacked', async (format) => {
  const dir = makeFolder(sample)
  for (const args of [['.'], ['--gzip', '.'], readdirSync(dir)]) {
    const bytes = execFileSync('tar', ['-c', `--format=${format}`, '-C', dir, ...args])
    const out = freshPath()
    expect(await unpackFolder(arriving(bytes), out)).toEqual({ files: 5, bytes: 70_519 })
    expect(readTree(out)).toEqual(readTree(dir))
  }
})

const part = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  // Names that differ only by case are refused, so none is in upper case.
  .map((text) => text.toLowerCase().normalize('NFC'))
  .filter((text) => !/[/\\:\p{Cc}\ufffd]/u.test(text) && text !== '.' && text !== '..' && Buffer.byteLength(text) < 200)
const tree = fc.dictionary(
  fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
  fc.option(fc.uint8Array({ maxLength: 2000 }), { nil: undefined }),
  { noNullPrototype: true, maxKeys: 8 },
)

/** Returns whether no file is also the folder of another path. */
const isPossible = (entries: Tree): boolean => {
  const paths = Object.keys(entries)
  return paths.every((path) => !paths.some((other) => other !== path && `${path}/`.startsWith(`${other}/`)))
}

test('packing and unpacking restore the folder, compressed or not, in chunks of any size', async () => {
  const property = fc.asyncProperty(
    tree.filter(isPossible),
    fc.boolean(),
    fc.integer({ min: 1, max: 3000 }),
    async (entries, compressed, size) => {
      const dir = makeFolder(entries)
      const bytes = await buffer(packFolder(dir))
      const out = freshPath()
      await unpackFolder(arriving(compressed ? gzipSync(bytes) : bytes, size), out)
      expect(readTree(out)).toEqual(readTree(dir))
      expect(await buffer(packFolder(out))).toEqual(bytes)
    },
  )
  await fc.assert(property, { numRuns: 100 })
})

test('a file of 9 GiB has its size in a pax record', { timeout: 5_000 }, async () => {
  const dir = makeFolder({ 'model.safetensors': Buffer.alloc(0) })
  truncateSync(join(dir, 'model.safetensors'), 9 * 2 ** 30)
  const packed = packFolder(dir)
  const [head] = (await packed[Symbol.asyncIterator]().next()).value.toString('latin1').match(/\d+ size=\d+\n/)
  packed.destroy()
  expect(head).toBe('19 size=9663676416\n')
})

test('a folder that does not exist, or contains a link or a name that no archive may have, is not packed', async () => {
  await expectError(buffer(packFolder(freshPath('nowhere'))), 'file_missing', 'nowhere')
  const linked = makeFolder(sample)
  symlinkSync('/etc/passwd', join(linked, 'empty-folder/link'))
  await expectError(buffer(packFolder(linked)), 'archive_invalid', 'empty-folder/link', 'a link')
  for (const name of ['back\\slash', 'new\nline', 'C:', 'ADAPTER_CONFIG.json']) {
    const dir = makeFolder(sample)
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), 'text')
    await expectError(buffer(packFolder(dir)), 'archive_invalid', JSON.stringify(name).slice(1, -1))
  }
})
