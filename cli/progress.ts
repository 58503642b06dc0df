/** Progress on stderr: one line that is redrawn on a terminal, or a new line every few seconds elsewhere. */
export interface Progress {
  /** Writes a line that stays. */
  writeLine(line: string): void
  /** Draws a line that the next one replaces. */
  update(line: string): void
  /** Ends the line that was drawn last. */
  finish(): void
}

const LINE_INTERVAL_SECONDS = 5

export function makeProgress(stream: NodeJS.WriteStream = process.stderr, terminal: boolean = stream.isTTY): Progress {
  let drawn = false
  let last = Number.NEGATIVE_INFINITY
  const clear = () => {
    if (drawn) stream.write('\r\u001b[K')
    drawn = false
  }
  return {
    writeLine(line) {
      clear()
      stream.write(`${line}\n`)
    },
    update(line) {
      const now = performance.now() / 1000
      if (!terminal && now - last < LINE_INTERVAL_SECONDS) return
      last = now
      clear()
      stream.write(terminal ? line : `${line}\n`)
      drawn = terminal
    },
    finish() {
      if (drawn) stream.write('\n')
      drawn = false
      last = Number.NEGATIVE_INFINITY
    },
  }
}

export function formatBar(done: number, total: number, width = 24): string {
  const filled = Math.round((width * done) / Math.max(total, 1))
  return `[${'='.repeat(filled)}${' '.repeat(width - filled)}] ${done}/${total}`
}

export function formatDuration(seconds: number): string {
  const s = Math.round(seconds)
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
}

export const formatCount = (n: number): string => n.toLocaleString('en')
