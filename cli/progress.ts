import { clearScreenDown, moveCursor } from 'node:readline'
import { type Bar, formatBar } from './bar.ts'

/** Progress on stderr: one line that is redrawn on a terminal, or a new line every few seconds elsewhere. */
export interface Progress {
  /** Writes a line that stays. */
  writeLine(line: string): void
  /** Draws a bar, or a line of text, that the next one replaces. */
  update(line: Bar | string): void
  /** Leaves the line that was drawn last where it is. */
  finish(): void
}

const LINE_INTERVAL_SECONDS = 5

export const makeProgress = (
  stream: NodeJS.WriteStream = process.stderr,
  terminal: boolean = stream.isTTY,
): Progress => (terminal ? makeTerminalProgress(stream) : makePlainProgress(stream))

const formatLine = (line: Bar | string, columns?: number): string =>
  typeof line === 'string' ? line.slice(0, columns) : formatBar(line, columns)

function makePlainProgress(stream: NodeJS.WriteStream): Progress {
  let last = Number.NEGATIVE_INFINITY
  let skipped: Bar | string | undefined
  return {
    writeLine: (line) => void stream.write(`${line}\n`),
    update(line) {
      const now = performance.now() / 1000
      skipped = now - last < LINE_INTERVAL_SECONDS ? line : undefined
      if (skipped !== undefined) return
      last = now
      stream.write(`${formatLine(line)}\n`)
    },
    finish() {
      if (skipped !== undefined) stream.write(`${formatLine(skipped)}\n`)
      skipped = undefined
      last = Number.NEGATIVE_INFINITY
    },
  }
}

function makeTerminalProgress(stream: NodeJS.WriteStream): Progress {
  const columns = () => stream.columns ?? 80
  let drawn: { line: Bar | string; text: string } | undefined
  /** Removes the line. A terminal that became narrower has wrapped it. */
  const erase = () => {
    if (!drawn) return
    moveCursor(stream, -columns(), -Math.ceil(drawn.text.length / columns()))
    clearScreenDown(stream)
    drawn = undefined
  }
  const draw = (line: Bar | string) => {
    erase()
    // A line as wide as the terminal would wrap.
    drawn = { line, text: formatLine(line, columns() - 1) }
    stream.write(`${drawn.text}\n`)
  }
  const onResize = () => {
    if (drawn) draw(drawn.line)
  }
  return {
    writeLine(line) {
      const last = drawn?.line
      erase()
      stream.write(`${wrapLines(line, columns())}\n`)
      if (last !== undefined) draw(last)
    },
    update(line) {
      if (!drawn) stream.on('resize', onResize)
      draw(line)
    },
    finish() {
      drawn = undefined
      stream.off('resize', onResize)
    },
  }
}

/** Wraps prose at words. Indented lines are commands, which must stay whole to be copied. */
const wrapLines = (text: string, columns: number): string =>
  text
    .split('\n')
    .map((line) => (line.startsWith(' ') ? line : wrap(line, columns)))
    .join('\n')

/** Replaces spaces by line breaks, so that each line fits as far as its words allow. */
const wrap = (line: string, columns: number): string =>
  line.replace(new RegExp(`(?!.{1,${columns}}$)(.{1,${columns}}) `, 'g'), '$1\n')

export function formatDuration(seconds: number): string {
  const s = Math.round(seconds)
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
}
