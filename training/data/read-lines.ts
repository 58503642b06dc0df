import type { Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { access, constants, stat } from 'node:fs/promises'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { fail } from '../../core/errors.ts'

export const MAX_LINE_BYTES = 2 ** 24
const READ_BYTES = 2 ** 18

const LINE_FEED = 10

/**
 * Yields the lines of a file of text.
 * @throws GraftError `data_format` if the file is not text in UTF-8, or a line is too long
 */
export async function* readLines(
  chunks: AsyncIterable<Buffer>,
  path: string,
): AsyncGenerator<{ line: number; bytes: Buffer }> {
  let line = 1
  let parts: Buffer[] = []
  let partBytes = 0
  for await (const chunk of chunks) {
    if (line === 1 && chunk.includes(0))
      throwFormat(path, {
        expected: 'text in UTF-8',
        found: 'binary data, or text in UTF-16',
        fix: 'Use JSON lines or CSV in UTF-8, plain or compressed with gzip.',
      })
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      const piece = chunk.subarray(start, end)
      yield { line: line++, bytes: parts.length > 0 ? Buffer.concat([...parts, piece]) : piece }
      parts = []
      partBytes = 0
      start = end + 1
    }
    parts.push(chunk.subarray(start))
    partBytes += chunk.length - start
    if (partBytes > MAX_LINE_BYTES)
      throwFormat(`${path}, line ${line}`, {
        expected: `at most ${MAX_LINE_BYTES} bytes on a line`,
        found: 'more',
        fix: 'Put each review on its own line.',
      })
  }
  if (partBytes > 0) yield { line, bytes: Buffer.concat(parts) }
}

/**
 * Yields the bytes of a file, decompressed. `hash` receives them as they are on the disk.
 * @throws GraftError `file_missing`; `data_format` if the gzip is damaged
 */
export async function* readContents(path: string, hash: Hash): AsyncGenerator<Buffer> {
  await requireFile(path)
  const stored = readHashed(path, hash)
  const first = await stored.next()
  if (first.done) return
  const whole = (async function* () {
    yield first.value
    yield* stored
  })()
  if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) return yield* whole
  try {
    yield* pipeline(Readable.from(whole), createGunzip(), () => {}) as AsyncIterable<Buffer>
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (typeof code !== 'string' || !code.startsWith('Z_')) throw error
    const found = code === 'Z_BUF_ERROR' ? 'one that ends early' : 'a damaged one'
    throwFormat(path, {
      expected: 'a complete gzip file',
      found,
      fix: 'Copy or download the file again. gzip -t tests it.',
    })
  }
}

async function* readHashed(path: string, hash: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) {
    hash.update(chunk)
    yield chunk
  }
}

async function requireFile(path: string): Promise<void> {
  const file = await stat(path).catch(() => throwMissing(path, 'does not exist'))
  if (file.isDirectory())
    throwFormat(path, { expected: 'a file of reviews', found: 'a folder', fix: 'Name a file in the folder.' })
  await access(path, constants.R_OK).catch(() => throwMissing(path, 'is not readable'))
}

function throwMissing(path: string, problem: string): never {
  return fail('file_missing', { subject: path, problem, fix: 'Check the path of the file of reviews.' })
}

export function throwFormat(subject: string, detail: { expected: string; found: string; fix: string }): never {
  return fail('data_format', { subject, ...detail })
}
