import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { createGzip, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GraftError } from '../../../core/errors.ts'
import { BLOCK_BYTES, encodeTarHeader } from '../../../platform/artifacts/tar-header.ts'
import { type ArchiveLimits, unpackFolder } from '../../../platform/artifacts/unpack-folder.ts'
import { expectError } from '../../checkpoint/helpers.ts'
import { archive, arriving, end, entry, pax, readTree, withChecksum } from './archives.ts'
import { freshPath } from './places.ts'

/** Makes a folder with one file that must not change. Archives are unpacked next to it. */
function makeGuarded(): { dir: string; isUntouched: () => boolean } {
  const around = freshPath('around')
  mkdirSync(around)
  writeFileSync(join(around, 'canary'), 'alive')
  const canary = Buffer.from('alive').toString('hex')
  const isUntouched = () => JSON.stringify(readTree(around)) === JSON.stringify({ canary })
  return { dir: join(around, 'out'), isUntouched }
}

const file = entry({ name: 'first', content: 'text' })

/** Expects that an archive is refused with these words, and that nothing is written. */
async function expectRefused(bytes: Uint8Array, code: 'archive_invalid' | 'archive_too_large', ...words: string[]) {
  for (const form of [bytes, gzipSync(bytes)]) {
    const { dir, isUntouched } = makeGuarded()
    await expectError(unpackFolder(arriving(form), dir), code, ...words)
    expect(isUntouched()).toBe(true)
  }
}

describe('an archive is refused that holds', () => {
  test.each<[string, Uint8Array[], string[]]>([
    [
      'a symbolic link and a file that would follow it',
      [entry({ name: 'link', type: '2', link: '/tmp' }), entry({ name: 'link/evil', content: 'x' })],
      ['"link"', 'a symbolic link to "/tmp"'],
    ],
    [
      'a hard link',
      [file, entry({ name: 'hard', type: '1', link: '/etc/passwd' })],
      ['"hard"', 'a hard link', 'passwd'],
    ],
    ['a character device', [entry({ name: 'null', type: '3' })], ['"null"', 'a device']],
    ['a block device', [entry({ name: 'sda', type: '4' })], ['"sda"', 'a device']],
    ['a pipe', [entry({ name: 'pipe', type: '6' })], ['"pipe"', 'a pipe']],
    ['a contiguous file', [entry({ name: 'odd', type: '7' })], ['"odd"', 'another kind']],
    ["GNU's sparse file", [entry({ name: 'sparse', type: 'S', size: 10 * 2 ** 30 })], ['"sparse"', 'another kind']],
    ["pax's sparse file", [pax('GNU.sparse.realsize', '10737418240'), file], ['"first"', 'a sparse file']],
    ['a folder with content', [entry({ name: 'd/', type: '5', content: 'x' })], ['"d/"', 'a folder of 1 bytes']],
    ['a file with the name of a folder', [entry({ name: 'd/', content: 'x' })], ['"d/"', 'a slash at its end']],
    ['a path out of the folder', [file, entry({ name: '../evil', content: 'x' })], ['"../evil"', '".."']],
    ['a path that leaves the folder in the middle', [entry({ name: 'a/../../evil' })], ['"a/../../evil"', '".."']],
    ['a path that leaves the folder after ./', [entry({ name: './../evil' })], ['"./../evil"', '".."']],
    ['the folder above', [entry({ name: '..', type: '5' })], ['".."']],
    ['an absolute path', [entry({ name: '/tmp/evil', content: 'x' })], ['"/tmp/evil"', 'an absolute path']],
    ['an absolute path after ./', [entry({ name: './/tmp/evil' })], ['two slashes']],
    ['a drive', [entry({ name: 'C:/evil' })], ['"C:/evil"', 'a drive']],
    ['a backslash', [entry({ name: '..\\evil' })], ['a backslash']],
    ['a NUL', [pax('path', 'model\0.txt'), file], ['NUL']],
    ['a line break', [entry({ name: 'a\nb' })], ['"a\\nb"', 'a control character']],
    ['a name that is not UTF-8', [withChecksum(entry({ name: 'a' }).fill(0xff, 0, 1))], ['UTF-8']],
    ['no name', [entry({ name: '' })], ['a name', 'none']],
    ['a dot as a part', [entry({ name: 'a/./b' })], ['"a/./b"', '"."']],
    ['a part that is too long', [pax('path', 'n'.repeat(256)), file], ['at most 255 bytes']],
    ['a path that is too long', [pax('path', Array(7).fill('n'.repeat(200)).join('/')), file], ['at most 1024 bytes']],
    ['a file twice', [file, file], ['"first"', 'a second time']],
    ['a folder twice', [entry({ name: 'd', type: '5' }), entry({ name: './d/', type: '5' })], ['a second time']],
    ['two names that differ only by case', [file, entry({ name: 'FIRST' })], ['"FIRST"', '"first" as well']],
    [
      'two names that differ only by accents',
      [pax('path', 'e\u0301'), file, pax('path', 'é'), file],
      ['"é"', 'accents'],
    ],
    ['a file as a folder', [file, entry({ name: 'first/second' })], ['"first/second"', 'both under one name']],
    ['a folder as a file', [entry({ name: 'd/x' }), entry({ name: 'd' })], ['"d"', 'both under one name']],
    [
      'a pax path that leaves the folder',
      [pax('path', '../evil'), entry({ name: 'good', content: 'x' })],
      ['"../evil"', '".."'],
    ],
    ['an absolute pax path', [pax('path', '/tmp/evil'), entry({ name: 'good' })], ['"/tmp/evil"', 'an absolute path']],
    [
      'a long name of GNU that leaves the folder',
      [entry({ name: '', type: 'L', content: '../evil\0' }), file],
      ['"../evil"'],
    ],
  ])('%s', async (_, entries, words) => {
    await expectRefused(archive(...entries), 'archive_invalid', ...words)
    await expectRefused(
      archive(entry({ name: 'before/this', content: 'x'.repeat(3000) }), ...entries),
      'archive_invalid',
    )
  })

  test('a wrong checksum', async () => {
    const bytes = archive(file, entry({ name: 'second' }))
    bytes[2 * BLOCK_BYTES] ^= 1
    await expectRefused(bytes, 'archive_invalid', 'at the entry "first"', 'Invalid tar header')
  })

  test('no end, although its last entry is complete', async () => {
    await expectRefused(file, 'archive_invalid', 'at the entry "first"', 'two blocks of zeros', 'truncated')
    const zeros = entry({ name: 'zeros', content: Buffer.alloc(4096) })
    await expectRefused(zeros, 'archive_invalid', '"zeros"', 'truncated')
    await expectRefused(Buffer.alloc(0), 'archive_invalid', 'the archive', 'nothing')
  })

  test('nothing in the tar format', async () => {
    await expectRefused(Buffer.from('PK\x03\x04'.padEnd(2000, 'zip')), 'archive_invalid', 'a complete tar file')
    await expectRefused(gzipSync(gzipSync(archive(file))), 'archive_invalid', 'a complete tar file')
  })

  test('gzip that is truncated or altered', async () => {
    const whole = gzipSync(archive(file))
    for (const [bytes, found] of [
      [whole.subarray(0, -20), 'unexpected end of file'],
      [Buffer.from(whole).fill(0, whole.length - 8), 'incorrect data check'],
    ] as const) {
      const { dir, isUntouched } = makeGuarded()
      await expectError(unpackFolder(arriving(bytes), dir), 'archive_invalid', 'damaged gzip', found)
      expect(isUntouched()).toBe(true)
    }
  })
})

describe('an archive is too large', () => {
  const many = (count: number) => Array.from({ length: count }, (_, n) => entry({ name: `f${n}`, content: 'x' }))

  test.each<[string, Uint8Array, Partial<ArchiveLimits>, string[]]>([
    ['because of its entries', archive(...many(4)), { entries: 3 }, ['"f3"', 'at most 3 files and folders']],
    [
      'because of one file',
      archive(entry({ name: 'f', content: '12345' })),
      { fileBytes: 4 },
      ['"f"', 'at most 4 bytes', 'of 5'],
    ],
    [
      'because of all files together',
      archive(...many(4)),
      { bytes: 3 },
      ['"f3"', 'at most 3 bytes in total', '4 bytes with this one'],
    ],
    [
      'because of its depth',
      archive(entry({ name: 'a/b/c', content: 'x' })),
      { depth: 2 },
      ['"a/b/c"', 'at most 2 deep', '3 parts'],
    ],
    [
      'because of the size in its header',
      archive(encodeTarHeader('f', 'file', 10 * 2 ** 30)),
      {},
      ['"f"', 'a file of 10737418240 bytes'],
    ],
    [
      'because of the size in a pax record',
      archive(pax('size', '99999999999999999999'), file),
      {},
      ['"first"', 'a file of 1000000'],
    ],
  ])('%s', async (_, bytes, limits, words) => {
    const { dir, isUntouched } = makeGuarded()
    await expectError(unpackFolder(arriving(bytes), dir, limits), 'archive_too_large', ...words)
    expect(isUntouched()).toBe(true)
  })

  test.each([
    ['of zeros', Buffer.alloc(2 ** 20), [] as Buffer[]],
    ['of names', Buffer.concat(Array.from({ length: 1024 }, () => pax('comment', 'x'))), []],
    ['of one file', Buffer.alloc(2 ** 20), [encodeTarHeader('bomb', 'file', 10 * 2 ** 30)]],
  ])('a bomb %s is refused at the limit, and its source is read no further', async (_, piece, before) => {
    let pieces = 0
    const bomb = async function* () {
      yield* before
      for (; pieces < 10_240; pieces++) yield piece
    }
    const { dir, isUntouched } = makeGuarded()
    const packed = Readable.from(bomb(), { objectMode: false }).pipe(createGzip({ level: 1 }))
    const limits = { bytes: 5 * 2 ** 20, fileBytes: 2 ** 34 }
    await expectError(unpackFolder(packed, dir, limits), 'archive_too_large')
    await expect.poll(() => packed.destroyed).toBe(true)
    expect(isUntouched()).toBe(true)
    expect(pieces).toBeLessThan(1000)
  })
})

test('a bomb within the limit of all bytes is refused by its ratio, unless it is small', async () => {
  const zeros = (megabytes: number) =>
    gzipSync(archive(entry({ name: 'zeros', content: Buffer.alloc(megabytes * 2 ** 20) })))
  const { dir, isUntouched } = makeGuarded()
  await expectError(unpackFolder(arriving(zeros(40)), dir), 'archive_too_large', 'at most 20 times')
  expect(isUntouched()).toBe(true)
  expect(await unpackFolder(arriving(zeros(15)), dir)).toEqual({ files: 1, bytes: 15 * 2 ** 20 })
  const plain = archive(entry({ name: 'zeros', content: Buffer.alloc(40 * 2 ** 20) }))
  expect(await unpackFolder(arriving(plain, 2 ** 20), freshPath())).toEqual({ files: 1, bytes: 40 * 2 ** 20 })
})

test('files that are not wanted are created empty, but checked and counted', async () => {
  const bytes = archive(
    file,
    entry({ name: 'd/junk.bin', content: Buffer.alloc(5000, 'j') }),
    entry({ name: 'last', content: 'x' }),
  )
  const keeps = (path: string) => path !== 'd/junk.bin'
  const dir = freshPath()
  expect(await unpackFolder(arriving(bytes), dir, {}, keeps)).toEqual({ files: 3, bytes: 5005 })
  const hex = (text: string) => Buffer.from(text).toString('hex')
  expect(readTree(dir)).toEqual({ d: 'folder', 'd/junk.bin': '', first: hex('text'), last: hex('x') })
  const limited = unpackFolder(arriving(bytes), freshPath(), { bytes: 5000 }, keeps)
  await expectError(limited, 'archive_too_large', '"d/junk.bin"', '5004 bytes with this one')
  const link = archive(entry({ name: 'd/junk.bin', type: '2', link: '/etc/passwd' }))
  await expectError(unpackFolder(arriving(link), freshPath(), {}, keeps), 'archive_invalid', 'a symbolic link')
})

test('refusing an archive closes the connection that sends it', async () => {
  let isClosed = false
  const connection = async function* () {
    try {
      yield entry({ name: '../evil' })
      for (;;) yield file
    } finally {
      isClosed = true
    }
  }
  await expectError(unpackFolder(connection(), makeGuarded().dir), 'archive_invalid', '../evil')
  await expect.poll(() => isClosed).toBe(true)
})

test('the error of a connection that breaks is passed on, and nothing is left', async () => {
  const { dir, isUntouched } = makeGuarded()
  const connection = async function* () {
    yield file
    throw new Error('the client went away')
  }
  await expect(unpackFolder(connection(), dir)).rejects.toThrow('the client went away')
  expect(isUntouched()).toBe(true)
})

test('a folder that is not empty is not touched', async () => {
  const dir = freshPath()
  await unpackFolder(arriving(archive(file)), dir)
  await expectError(unpackFolder(arriving(archive(file)), dir), 'output_exists')
  expect(readdirSync(dir)).toEqual(['first'])
})

test('the modes of the archive are ignored', async () => {
  const program = Buffer.from(entry({ name: 'program', content: '#!/bin/sh' }))
  program.write('0006777\0', 100)
  const dir = freshPath()
  await unpackFolder(
    arriving(archive(Buffer.concat([withChecksum(program.subarray(0, BLOCK_BYTES)), program.subarray(BLOCK_BYTES)]))),
    dir,
  )
  expect(statSync(join(dir, 'program')).mode & 0o7111).toBe(0)
})

const whole = archive(
  entry({ name: 'd/', type: '5' }),
  entry({ name: 'd/config', content: '{}' }),
  pax('path', `d/${'long'.repeat(40)}`),
  entry({ name: 'cut', content: 'x'.repeat(700) }),
  entry({ name: 'weights', content: Buffer.alloc(3000, 'w') }),
)
/** No other program makes this file. */
const elsewhere = join(tmpdir(), `graft-unpack-${process.pid}`)
const names = ['../x', elsewhere, 'd', 'd/../../x', 'weights/x', '.', '', 'd\\x', 'new/folder/x']

type Damage = (bytes: Buffer, at: number, value: number) => Buffer
const headerAt = (bytes: Buffer, at: number) =>
  bytes.subarray(at - (at % BLOCK_BYTES), at - (at % BLOCK_BYTES) + BLOCK_BYTES)
const damages: Damage[] = [
  (bytes, at, value) => bytes.fill(value, at, at + 1),
  (bytes, at) => bytes.subarray(0, at),
  (bytes, at, value) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(at + value, bytes.length))]),
  (bytes, at) =>
    Buffer.concat([bytes.subarray(0, at - (at % BLOCK_BYTES)), bytes.subarray(at - (at % BLOCK_BYTES) - BLOCK_BYTES)]),
  (bytes, at) => Buffer.concat([bytes, bytes.subarray(at - (at % BLOCK_BYTES))]),
  // Headers that are wrong, but have a correct checksum.
  (bytes, at, value) => {
    const header = headerAt(bytes, at)
    if (header.length === BLOCK_BYTES) withChecksum(header.fill(value, at % BLOCK_BYTES, (at % BLOCK_BYTES) + 1))
    return bytes
  },
  (bytes, at, value) => {
    const header = headerAt(bytes, at)
    if (header.length === BLOCK_BYTES) {
      header.fill(0, 0, 100).write(names[value % names.length], 0)
      header.write('01234567xLKgS'[value % 13], 156)
      withChecksum(header)
    }
    return bytes
  },
]

test('a damaged archive makes a complete folder or none, and changes nothing elsewhere', async () => {
  const damage = fc.tuple(fc.constantFrom(...damages), fc.nat(whole.length - 1), fc.nat(255))
  let refused = 0
  let accepted = 0
  const property = fc.asyncProperty(
    fc.array(damage, { minLength: 1, maxLength: 4 }),
    fc.boolean(),
    fc.integer({ min: 100, max: 5000 }),
    fc.boolean(),
    async (all, compressed, size, keepsAll) => {
      const bytes = all.reduce((now, [change, at, value]) => {
        return now.length === 0 ? now : Buffer.from(change(now, at % now.length, value))
      }, Buffer.from(whole))
      const { dir, isUntouched } = makeGuarded()
      const content = arriving(compressed ? gzipSync(bytes) : bytes, size)
      const keeps = (path: string) => keepsAll || !path.startsWith('d/')
      const result = await unpackFolder(content, dir, {}, keeps).catch((error) => error)
      if (result instanceof GraftError) {
        refused++
        expect(['archive_invalid', 'archive_too_large']).toContain(result.code)
        expect(isUntouched()).toBe(true)
      } else {
        accepted++
        expect(result).toEqual({ files: expect.any(Number), bytes: expect.any(Number) })
        const { canary, ...rest } = readTree(dirname(dir))
        expect(canary).toBe(Buffer.from('alive').toString('hex'))
        const made = Object.entries(rest).filter(([path]) => path !== 'out')
        expect(made.every(([path, content]) => path.startsWith('out/') && content !== 'something else')).toBe(true)
        const files = made.filter(([, content]) => content !== 'folder')
        expect(files).toHaveLength(result.files)
        const written = files.reduce((sum, [, hex]) => sum + hex.length / 2, 0)
        if (keepsAll) expect(written).toBe(result.bytes)
        for (const [path, hex] of files) if (!keeps(path.slice('out/'.length))) expect(hex).toBe('')
      }
    },
  )
  await fc.assert(property, { numRuns: 500 })
  expect(existsSync(elsewhere)).toBe(false)
  // Checks that both outcomes occurred. Otherwise the test would prove little.
  expect(Math.min(refused, accepted)).toBeGreaterThan(10)
})

test('bytes that are not an archive are refused', async () => {
  const property = fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), async (bytes) => {
    const { dir, isUntouched } = makeGuarded()
    await expectError(unpackFolder(arriving(Buffer.concat([bytes, end.subarray(0, 100)])), dir), 'archive_invalid')
    expect(isUntouched()).toBe(true)
  })
  await fc.assert(property, { numRuns: 200 })
})
