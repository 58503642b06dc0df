import { isAscii, isUtf8 } from 'node:buffer'
import { throwFormat } from './read-contents.ts'

/** The encodings that are recognized by the first bytes of a file. */
export type FileEncoding = 'utf-8' | 'utf-16le' | 'utf-16be'

/** Returns the encoding of a file by its byte order mark, or by the zeros of UTF-16 next to ASCII characters. */
export function detectEncoding(head: Buffer): FileEncoding {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be'
  // The names of columns and the syntax of JSON are ASCII in every language.
  const [a, b, c, d] = head
  if (isPrintableAscii(a) && b === 0 && isPrintableAscii(c) && d === 0) return 'utf-16le'
  if (a === 0 && isPrintableAscii(b) && c === 0 && isPrintableAscii(d)) return 'utf-16be'
  return 'utf-8'
}

const isPrintableAscii = (byte: number | undefined): boolean =>
  byte !== undefined && ((byte >= 0x20 && byte < 0x7f) || byte === 9 || byte === 10 || byte === 13)

const BOM = Buffer.from('\ufeff')

/**
 * Yields a file as UTF-8, without its byte order mark. Bytes of other encodings than UTF-16 stay as they are.
 * @throws GraftError `data_format` if UTF-16 is damaged
 */
export async function* toUtf8(
  chunks: AsyncGenerator<Buffer>,
  encoding: FileEncoding,
  path: string,
): AsyncGenerator<Buffer> {
  if (encoding === 'utf-8') {
    let first = true
    for await (const chunk of chunks) {
      yield first && chunk.subarray(0, BOM.length).equals(BOM) ? chunk.subarray(BOM.length) : chunk
      first = false
    }
    return
  }
  const decoder = new TextDecoder(encoding, { fatal: true })
  try {
    for await (const chunk of chunks) yield Buffer.from(decoder.decode(chunk, { stream: true }))
    yield Buffer.from(decoder.decode())
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throwFormat(path, {
      expected: 'text in UTF-16',
      found: 'characters that are damaged',
      fix: 'Save the file again, in UTF-8.',
    })
  }
}

/** A line as text. If it has a problem, the text is only good to find out where the row ends. */
export interface DecodedLine {
  text: string
  problem?: string
}

/** Decodes the lines of a file one after the other. */
export interface LineDecoder {
  decode(line: number, bytes: Buffer): DecodedLine
  /** The first line that is in Windows-1252, if one is. */
  windows1252From(): number | undefined
}

const windows1252 = new TextDecoder('windows-1252')

/**
 * Makes a decoder of lines in UTF-8 or in Windows-1252. The first line that is not ASCII decides for the whole file,
 * because a file that mixes encodings has lines that nobody can read with certainty.
 */
export function makeLineDecoder(): LineDecoder {
  let utf8From: number | undefined
  let windowsFrom: number | undefined
  return {
    decode(line, bytes) {
      if (bytes.includes(0)) return { text: bytes.toString('latin1'), problem: 'a NUL byte' }
      const isValid = isUtf8(bytes)
      if (isValid && isAscii(bytes)) return { text: bytes.toString('latin1') }
      if (isValid) {
        // Files that were put together have the byte order mark of each.
        const text = bytes.toString().replace(/^\ufeff/, '')
        if (windowsFrom !== undefined)
          return { text, problem: `characters in UTF-8, although line ${windowsFrom} is in Windows-1252` }
        utf8From ??= line
        return { text }
      }
      const text = windows1252.decode(bytes)
      if (utf8From !== undefined) return { text, problem: `bytes that are not UTF-8, although line ${utf8From} is` }
      if (!isWestern(bytes)) return { text, problem: 'bytes that are neither UTF-8 nor Windows-1252' }
      windowsFrom ??= line
      return { text }
    },
    windows1252From: () => windowsFrom,
  }
}

/** Bytes that Windows-1252 does not assign, so that text in it never has them. */
const UNASSIGNED = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d])
/** The first byte of the signs and letters of Windows-1252, after its dashes and quotes. */
const FIRST_SIGN = 0xa0
/** Words of Western languages have few accented letters in a row. Other scripts and double bytes have many more. */
const MAX_SIGNS_IN_A_ROW = 5

/** Returns whether bytes look like text in Windows-1252, rather than in another encoding that is not UTF-8. */
function isWestern(bytes: Buffer): boolean {
  let signs = 0
  for (const byte of bytes) {
    if (UNASSIGNED.has(byte)) return false
    signs = byte >= FIRST_SIGN ? signs + 1 : 0
    if (signs > MAX_SIGNS_IN_A_ROW) return false
  }
  return true
}
