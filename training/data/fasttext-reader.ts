import type { Row, RowReader } from './row.ts'
import type { LineDecoder } from './text-encoding.ts'

const LABEL = /^\s*__label__(\S+)\s*/

/** Returns whether a line is in the format of fastText: `__label__positive A fine film.` */
export const isFastText = (line: string): boolean => LABEL.test(line)

/** Makes a reader of the format of fastText. */
export function makeFastTextReader(decoder: LineDecoder, onRow: (row: Row) => void): RowReader {
  return {
    readLine(line, bytes) {
      const { text, problem } = decoder.decode(line, bytes)
      if (problem !== undefined) return onRow({ line, problem })
      if (text.trim() === '') return
      const [whole, label] = LABEL.exec(text) ?? ['']
      const rest = text.slice(whole.length)
      onRow(isFastText(rest) ? { line, problem: 'several labels' } : { line, label, text: rest })
    },
    finish() {},
  }
}
