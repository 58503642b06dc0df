import { closeSync, createWriteStream, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Example } from '../../training/data/check-row.ts'
import type { DataFormat } from '../../training/data/reading.ts'
import type { Row } from '../../training/data/row.ts'
import { type FileReading, type ReadOptions, scanExamples } from '../../training/data/scan-examples.ts'

/** The path that stands for stdin. */
const STDIN_PATH = '-'

/** A file of texts with everything else that it has. */
export interface RowFile extends FileReading {
  rows: readonly { example: Example; row: Row }[]
  format: DataFormat
}

/**
 * Reads a file in any format that training reads, into memory.
 * @param path `-` reads stdin
 */
export async function readRows(path: string, options: ReadOptions = {}): Promise<RowFile> {
  if (path === STDIN_PATH) return withStdin((fd) => scan('stdin', { ...options, fd }))
  return scan(path, options)
}

async function scan(path: string, options: ReadOptions): Promise<RowFile> {
  const rows: { example: Example; row: Row }[] = []
  const { format, columns, encoding, skipped, labels } = await scanExamples(
    path,
    options,
    (example, row) => void rows.push({ example, row }),
  )
  const isExample = ({ example }: { example: Example }) => options.unlabelled || labels.has(example.label)
  return { rows: rows.filter(isExample), format, columns, encoding, skipped }
}

/**
 * Returns the names of all columns of a row. Those of a table without a header are `text` and, by their numbers,
 * `column_1`, `column_2`, …
 */
export function columnsOf({ source }: Row): readonly string[] {
  if (!source) return ['label', 'text']
  if (!('table' in source)) return Object.keys(source.object)
  const { first, columns } = source.table
  if (columns.hasHeader) return first.cells.map((cell) => cell.trim())
  return first.cells.map((_, i) => (i === columns.text ? 'text' : `column_${i + 1}`))
}

/** Returns the value of a column, or undefined if a row does not have it. */
export function cellOf(row: Row, column: string): unknown {
  const { source } = row
  if (!source) return undefined
  if ('table' in source) return source.cells[columnsOf(row).indexOf(column)]
  return Object.hasOwn(source.object, column) ? (source.object as Record<string, unknown>)[column] : undefined
}

/** Writes stdin to a file, because a pipe has no size and cannot be read twice. */
async function withStdin<T>(work: (fd: number) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'graft-stdin-'))
  try {
    const file = join(folder, 'stdin')
    await pipeline(process.stdin, createWriteStream(file))
    const fd = openSync(file, 'r')
    try {
      return await work(fd)
    } finally {
      closeSync(fd)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
