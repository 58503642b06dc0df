import { throwFormat } from './read-contents.ts'

export type LineBreak = '\n' | '\r'

/**
 * Calls `onLine` with each line of a file of text. A line that ends with CR LF has its CR removed.
 * @throws GraftError `data_format` if a line is too long
 */
export async function readLines(
  chunks: AsyncIterable<Buffer>,
  path: string,
  { lineBreak, maxBytes }: { lineBreak: LineBreak; maxBytes: number },
  onLine: (line: number, bytes: Buffer) => void,
): Promise<void> {
  const breakByte = lineBreak.charCodeAt(0)
  let line = 1
  let parts: Buffer[] = []
  let partBytes = 0
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(breakByte); end >= 0; end = chunk.indexOf(breakByte, start)) {
      const piece = chunk.subarray(start, end)
      if (partBytes + piece.length > maxBytes) throwLongRow(path, line, maxBytes)
      onLine(line++, withoutReturns(parts.length > 0 ? Buffer.concat([...parts, piece]) : piece))
      parts = []
      partBytes = 0
      start = end + 1
    }
    parts.push(chunk.subarray(start))
    partBytes += chunk.length - start
    if (partBytes > maxBytes) throwLongRow(path, line, maxBytes)
  }
  if (partBytes > 0) onLine(line, withoutReturns(Buffer.concat(parts)))
}

/** @throws GraftError `data_format` */
const throwLongRow = (path: string, line: number, maxBytes: number): never =>
  throwFormat(`${path}, line ${line}`, {
    expected: `at most ${maxBytes} bytes on a line`,
    found: 'more',
    fix: 'Put each review on its own line.',
  })

const RETURN = '\r'.charCodeAt(0)

function withoutReturns(bytes: Buffer): Buffer {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === RETURN) end--
  return end === bytes.length ? bytes : bytes.subarray(0, end)
}

/**
 * Returns what ends the lines of a file, by the first line break that is not within quotes: old Macs wrote only CR.
 * @param head the beginning of the file
 */
export function detectLineBreak(head: string): LineBreak {
  // In JSON, a quote may be escaped by a backslash, and a line break is never within quotes.
  const isJson = /^\s*[[{]/.test(head)
  const outside = isJson ? head : head.replace(/"[^"]*"/g, '')
  return /\r+\n|\n|\r/.exec(outside)?.[0] === '\r' ? '\r' : '\n'
}
