import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { createGzip, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GraftError } from '../../../core/errors.ts'
import { BLOCK, tarHeader } from '../../../platform/artifacts/tar-header.ts'
import { type ArchiveLimits, unpackFolder } from '../../../platform/artifacts/unpack-folder.ts'
import { expectError } from '../../checkpoint/helpers.ts'
import { archive, arriving, end, entry, pax, readTree, withChecksum } from './archives.ts'
import { freshPath } from './places.ts'

/** A folder that holds nothing but a file that must stay as it is; archives are unpacked beside it. */
function guarded(): { dir: string; isUntouched: () => boolean } {
  const around = freshPath('around')
  mkdirSync(around)
  writeFileSync(join(around, 'canary'), 'alive')
  const canary = Buffer.from('alive').toString('hex')
  const isUntouched = () => JSON.stringify(readTree(around)) === JSON.stringify({ canary })
  return { dir: join(around, 'out'), isUntouched }
}

const file = entry({ name: 'first', content: 'text' })

/** Refused, with these words, and without a trace. */
async function expectRefused(bytes: Uint8Array, code: 'archive_invalid' | 'archive_too_large', ...words: string[]) {
  for (const form of [bytes, gzipSync(bytes)]) {
    const { dir, isUntouched } = guarded()
    await expectError(unpackFolder(arriving(form), dir), code, ...words)
    expect(isUntouched()).toBe(true)
  }
}

describe('an archive is refused that holds', () => {
  test.each<[string, Uint8Array[], string[]]>([
    [
      'a symbolic link and a file that would go through it',
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
    ['a file that is named as a folder', [entry({ name: 'd/', content: 'x' })], ['"d/"', 'a slash at its end']],
    ['a path out of the folder', [file, entry({ name: '../evil', content: 'x' })], ['"../evil"', '".."']],
    ['a way out in the middle', [entry({ name: 'a/../../evil' })], ['"a/../../evil"', '".."']],
    ['a way out behind ./', [entry({ name: './../evil' })], ['"./../evil"', '".."']],
    ['the folder above', [entry({ name: '..', type: '5' })], ['".."']],
    ['an absolute path', [entry({ name: '/tmp/evil', content: 'x' })], ['"/tmp/evil"', 'an absolute one']],
    ['an absolute path behind ./', [entry({ name: './/tmp/evil' })], ['two slashes']],
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
    ['a name twice but for case', [file, entry({ name: 'FIRST' })], ['"FIRST"', '"first" as well']],
    ['a name twice but for accents', [pax('path', 'e\u0301'), file, pax('path', 'é'), file], ['"é"', 'accents']],
    ['a file as a folder', [file, entry({ name: 'first/second' })], ['"first/second"', 'both under one name']],
    ['a folder as a file', [entry({ name: 'd/x' }), entry({ name: 'd' })], ['"d"', 'both under one name']],
    [
      'a pax path that leads out',
      [pax('path', '../evil'), entry({ name: 'good', content: 'x' })],
      ['"../evil"', '".."'],
    ],
    ['an absolute pax path', [pax('path', '/tmp/evil'), entry({ name: 'good' })], ['"/tmp/evil"', 'an absolute one']],
    ['a long name of GNU that leads out', [entry({ name: '', type: 'L', content: '../evil\0' }), file], ['"../evil"']],
  ])('%s', async (_, entries, words) => {
    await expectRefused(archive(...entries), 'archive_invalid', ...words)
    await expectRefused(
      archive(entry({ name: 'before/this', content: 'x'.repeat(3000) }), ...entries),
      'archive_invalid',
    )
  })

  test('a wrong checksum', async () => {
    const bytes = archive(file, entry({ name: 'second' }))
    bytes[2 * BLOCK] ^= 1
    await expectRefused(bytes, 'archive_invalid', 'at the entry "first"', 'Invalid tar header')
  })

  test('no end, though its last entry is whole', async () => {
    await expectRefused(file, 'archive_invalid', 'at the entry "first"', 'two blocks of zeros', 'cut off')
    const zeros = entry({ name: 'zeros', content: Buffer.alloc(4096) })
    await expectRefused(zeros, 'archive_invalid', '"zeros"', 'cut off')
    await expectRefused(Buffer.alloc(0), 'archive_invalid', 'the archive', 'nothing')
  })

  test('nothing that tar knows', async () => {
    await expectRefused(Buffer.from('PK\x03\x04'.padEnd(2000, 'zip')), 'archive_invalid', 'a whole tar file')
    await expectRefused(gzipSync(gzipSync(archive(file))), 'archive_invalid', 'a whole tar file')
  })

  test('gzip that is cut off or altered', async () => {
    const whole = gzipSync(archive(file))
    for (const [bytes, found] of [
      [whole.subarray(0, -20), 'unexpected end of file'],
      [Buffer.from(whole).fill(0, whole.length - 8), 'incorrect data check'],
    ] as const) {
      const { dir, isUntouched } = guarded()
      await expectError(unpackFolder(arriving(bytes), dir), 'archive_invalid', 'damaged gzip', found)
      expect(isUntouched()).toBe(true)
    }
  })
})

describe('an archive is too large', () => {
  const many = (count: number) => Array.from({ length: count }, (_, n) => entry({ name: `f${n}`, content: 'x' }))

  test.each<[string, Uint8Array, Partial<ArchiveLimits>, string[]]>([
    ['by its entries', archive(...many(4)), { entries: 3 }, ['"f3"', 'at most 3 files and folders']],
    [
      'by a file',
      archive(entry({ name: 'f', content: '12345' })),
      { fileBytes: 4 },
      ['"f"', 'at most 4 bytes', 'of 5'],
    ],
    ['by all files', archive(...many(4)), { bytes: 3 }, ['"f3"', 'at most 3 bytes in all', '4 with this one']],
    [
      'by its depth',
      archive(entry({ name: 'a/b/c', content: 'x' })),
      { depth: 2 },
      ['"a/b/c"', 'at most 2 deep', '3 parts'],
    ],
    ['by what its header says', archive(tarHeader('f', 'file', 10 * 2 ** 30)), {}, ['"f"', 'one of 10737418240']],
    ['by what pax says', archive(pax('size', '99999999999999999999'), file), {}, ['"first"', 'one of 1000000']],
  ])('%s', async (_, bytes, limits, words) => {
    const { dir, isUntouched } = guarded()
    await expectError(unpackFolder(arriving(bytes), dir, limits), 'archive_too_large', ...words)
    expect(isUntouched()).toBe(true)
  })

  test.each([
    ['of zeros', Buffer.alloc(2 ** 20), [] as Buffer[]],
    ['of names', Buffer.concat(Array.from({ length: 1024 }, () => pax('comment', 'x'))), []],
    ['of one file', Buffer.alloc(2 ** 20), [tarHeader('bomb', 'file', 10 * 2 ** 30)]],
  ])('a bomb %s is stopped at the bound, and its source is read no further', async (_, piece, before) => {
    let pieces = 0
    const bomb = async function* () {
      yield* before
      for (; pieces < 10_240; pieces++) yield piece
    }
    const { dir, isUntouched } = guarded()
    const packed = Readable.from(bomb(), { objectMode: false }).pipe(createGzip({ level: 1 }))
    const limits = { bytes: 5 * 2 ** 20, fileBytes: 2 ** 34 }
    await expectError(unpackFolder(packed, dir, limits), 'archive_too_large')
    await expect.poll(() => packed.destroyed).toBe(true)
    expect(isUntouched()).toBe(true)
    expect(pieces).toBeLessThan(1000)
  })
})

test('what is refused closes the connection that brings it', async () => {
  let isClosed = false
  const connection = async function* () {
    try {
      yield entry({ name: '../evil' })
      for (;;) yield file
    } finally {
      isClosed = true
    }
  }
  await expectError(unpackFolder(connection(), guarded().dir), 'archive_invalid', '../evil')
  await expect.poll(() => isClosed).toBe(true)
})

test('a connection that breaks is told as it is, and leaves nothing', async () => {
  const { dir, isUntouched } = guarded()
  const connection = async function* () {
    yield file
    throw new Error('the client went away')
  }
  await expect(unpackFolder(connection(), dir)).rejects.toThrow('the client went away')
  expect(isUntouched()).toBe(true)
})

test('a folder that holds something is not touched', async () => {
  const dir = freshPath()
  await unpackFolder(arriving(archive(file)), dir)
  await expectError(unpackFolder(arriving(archive(file)), dir), 'output_exists')
  expect(readdirSync(dir)).toEqual(['first'])
})

test('modes of the archive are not taken over', async () => {
  const program = Buffer.from(entry({ name: 'program', content: '#!/bin/sh' }))
  program.write('0006777\0', 100)
  const dir = freshPath()
  await unpackFolder(
    arriving(archive(Buffer.concat([withChecksum(program.subarray(0, BLOCK)), program.subarray(BLOCK)]))),
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
const names = ['../x', '/tmp/x', 'd', 'd/../../x', 'weights/x', '.', '', 'd\\x', 'new/folder/x']

type Damage = (bytes: Buffer, at: number, value: number) => Buffer
const headerAt = (bytes: Buffer, at: number) => bytes.subarray(at - (at % BLOCK), at - (at % BLOCK) + BLOCK)
const damages: Damage[] = [
  (bytes, at, value) => bytes.fill(value, at, at + 1),
  (bytes, at) => bytes.subarray(0, at),
  (bytes, at, value) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(at + value, bytes.length))]),
  (bytes, at) => Buffer.concat([bytes.subarray(0, at - (at % BLOCK)), bytes.subarray(at - (at % BLOCK) - BLOCK)]),
  (bytes, at) => Buffer.concat([bytes, bytes.subarray(at - (at % BLOCK))]),
  // Headers that are wrong, but whose checksum is right.
  (bytes, at, value) => {
    const header = headerAt(bytes, at)
    if (header.length === BLOCK) withChecksum(header.fill(value, at % BLOCK, (at % BLOCK) + 1))
    return bytes
  },
  (bytes, at, value) => {
    const header = headerAt(bytes, at)
    if (header.length === BLOCK) {
      header.fill(0, 0, 100).write(names[value % names.length], 0)
      header.write('01234567xLKgS'[value % 13], 156)
      withChecksum(header)
    }
    return bytes
  },
]

test('a damaged archive gives a folder that is whole or none, and nothing anywhere else', async () => {
  const damage = fc.tuple(fc.constantFrom(...damages), fc.nat(whole.length - 1), fc.nat(255))
  let refused = 0
  let taken = 0
  const property = fc.asyncProperty(
    fc.array(damage, { minLength: 1, maxLength: 4 }),
    fc.boolean(),
    fc.integer({ min: 100, max: 5000 }),
    async (all, compressed, size) => {
      const bytes = all.reduce((now, [change, at, value]) => {
        return now.length === 0 ? now : Buffer.from(change(now, at % now.length, value))
      }, Buffer.from(whole))
      const { dir, isUntouched } = guarded()
      const result = await unpackFolder(arriving(compressed ? gzipSync(bytes) : bytes, size), dir).catch(
        (error) => error,
      )
      if (result instanceof GraftError) {
        refused++
        expect(['archive_invalid', 'archive_too_large']).toContain(result.code)
        expect(isUntouched()).toBe(true)
      } else {
        taken++
        expect(result).toEqual({ files: expect.any(Number), bytes: expect.any(Number) })
        const { canary, ...rest } = readTree(dirname(dir))
        expect(canary).toBe(Buffer.from('alive').toString('hex'))
        const made = Object.entries(rest).filter(([path]) => path !== 'out')
        expect(made.every(([path, told]) => path.startsWith('out/') && told !== 'something else')).toBe(true)
        const files = made.filter(([, told]) => told !== 'folder')
        expect(files).toHaveLength(result.files)
        expect(files.reduce((sum, [, hex]) => sum + hex.length / 2, 0)).toBe(result.bytes)
      }
    },
  )
  await fc.assert(property, { numRuns: 500 })
  expect(existsSync('/tmp/x')).toBe(false)
  // The damages are of both sorts, or this would prove little.
  expect(Math.min(refused, taken)).toBeGreaterThan(10)
})

test('bytes that have nothing of an archive are refused', async () => {
  const property = fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), async (bytes) => {
    const { dir, isUntouched } = guarded()
    await expectError(unpackFolder(arriving(Buffer.concat([bytes, end.subarray(0, 100)])), dir), 'archive_invalid')
    expect(isUntouched()).toBe(true)
  })
  await fc.assert(property, { numRuns: 200 })
})
