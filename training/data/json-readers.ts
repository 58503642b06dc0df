import { isDeepStrictEqual } from 'node:util'
import type { Columns } from './columns.ts'
import { type ElementsPath, makeElementScanner } from './json-elements.ts'
import { parseObject, rowOfObject } from './json-row.ts'
import { throwFormat } from './read-contents.ts'
import type { Row, RowReader } from './row.ts'
import type { LineDecoder } from './text-encoding.ts'

/** Makes a reader of JSON lines. */
export function makeJsonLinesReader(columns: Columns, decoder: LineDecoder, onRow: (row: Row) => void): RowReader {
  return {
    readLine(line, bytes) {
      const { text, problem } = decoder.decode(line, bytes)
      if (problem !== undefined) return onRow({ line, problem })
      if (text.trim() === '') return
      const row = readObject(line, text, columns)
      if (row) onRow(row)
    },
    finish() {},
  }
}

function readObject(line: number, text: string, columns: Columns): Row | undefined {
  const parsed = parseObject(text)
  if ('problem' in parsed) return { line, ...parsed }
  const row = rowOfObject(line, parsed.object, columns)
  return row && { ...row, source: { text, object: parsed.object } }
}

/**
 * Reads the objects in a JSON document that is not JSON lines: an array, an array within an object, or objects of
 * several lines.
 * @throws GraftError `data_format` if the document ends early or an element is too large
 */
export async function readJsonDocument(
  chunks: AsyncIterable<Buffer>,
  {
    path,
    elements,
    columns,
    decoder,
    maxBytes,
  }: {
    path: string
    elements: ElementsPath
    columns: Columns
    decoder: LineDecoder
    maxBytes: number
  },
  onRow: (row: Row) => void,
): Promise<void> {
  const throwUnreadable = (line: number, found: string): never =>
    throwFormat(`${path}, line ${line}`, {
      expected: 'a JSON array of objects',
      found,
      fix: 'Export the file again, or write one object on each line.',
    })
  const scanner = makeElementScanner(
    { accepts: (candidate) => isDeepStrictEqual(candidate, elements), maxBytes },
    ({ line, bytes }) => {
      const { text, problem } = decoder.decode(line, bytes)
      const row = problem === undefined ? readObject(line, text, columns) : { line, problem }
      if (row) onRow(row)
    },
    throwUnreadable,
  )
  for await (const chunk of chunks) scanner.push(chunk)
  if (!scanner.isComplete()) throwUnreadable(scanner.line(), 'the end of the file within a value')
}
