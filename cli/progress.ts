/** Progress goes to stderr: one line that is drawn over on a terminal, a line every few seconds elsewhere. */
export interface Progress {
  /** A line that stays. */
  say(line: string): void
  /** How far the work is; drawn over by the next. */
  update(line: string): void
  /** Ends the line that is drawn over. */
  end(): void
}

const SECONDS_BETWEEN_LINES = 5

export function progressTo(stream: NodeJS.WriteStream = process.stderr, terminal: boolean = stream.isTTY): Progress {
  let drawn = false
  let last = Number.NEGATIVE_INFINITY
  const clear = () => {
    if (drawn) stream.write('\r\u001b[K')
    drawn = false
  }
  return {
    say(line) {
      clear()
      stream.write(`${line}\n`)
    },
    update(line) {
      const now = performance.now() / 1000
      if (!terminal && now - last < SECONDS_BETWEEN_LINES) return
      last = now
      clear()
      stream.write(terminal ? line : `${line}\n`)
      drawn = terminal
    },
    end() {
      if (drawn) stream.write('\n')
      drawn = false
      last = Number.NEGATIVE_INFINITY
    },
  }
}

export function bar(done: number, of: number, width = 24): string {
  const filled = Math.round((width * done) / Math.max(of, 1))
  return `[${'='.repeat(filled)}${' '.repeat(width - filled)}] ${done}/${of}`
}

export function duration(seconds: number): string {
  const s = Math.round(seconds)
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
}

export const grouped = (n: number): string => n.toLocaleString('en')
