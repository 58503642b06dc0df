import { isTableLine } from './table.ts'

export const documentPath = 'docs/benchmarks.md'

/** A table of the document: the arguments of the command that makes it, and its lines from `from` up to `to`. */
export interface DocumentTable {
  readonly args: readonly string[]
  readonly from: number
  readonly to: number
}

const COMMAND = /^ {4}npm run bench -- (.+)$/

/**
 * Finds the tables that commands make: each is the first one after an indented `npm run bench -- …`.
 * @throws Error if a command has no table of its own
 */
export function findTables(text: string): DocumentTable[] {
  const lines = text.split('\n')
  return lines.flatMap((line, i) => {
    const args = COMMAND.exec(line)?.[1].split(' ')
    if (!args) return []
    const from = lines.findIndex((next, at) => at > i && isTableLine(next))
    const end = lines.findIndex((next, at) => at > i && (COMMAND.test(next) || next.startsWith('#')))
    if (from < 0 || (end >= 0 && end < from)) throw new Error(`no table follows: npm run bench -- ${args.join(' ')}`)
    const length = lines.slice(from).findIndex((next) => !isTableLine(next))
    return [{ args, from, to: length < 0 ? lines.length : from + length }]
  })
}

/** Returns the text with other lines for the table of a command. */
export function replaceTable(text: string, args: readonly string[], table: readonly string[]): string {
  const found = findTables(text).find((one) => one.args.join(' ') === args.join(' '))
  if (!found) throw new Error(`${documentPath} does not name: npm run bench -- ${args.join(' ')}`)
  return text
    .split('\n')
    .toSpliced(found.from, found.to - found.from, ...table)
    .join('\n')
}
