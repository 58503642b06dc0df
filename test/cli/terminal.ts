import { EventEmitter } from 'node:events'
import { Terminal } from '@xterm/headless'

/** A terminal without a window, whose screen can be read as text. */
export interface Screen {
  /** The stream of a program that runs in the terminal. */
  stream: NodeJS.WriteStream
  write(data: string): Promise<void>
  resize(columns: number): Promise<void>
  /** Returns the lines from the first to the last that is not empty. A line that the terminal wrapped is several. */
  lines(): Promise<string[]>
}

/** Opens a terminal of this width. It is high enough to hide nothing. */
export function openScreen(columns: number): Screen {
  const terminal = new Terminal({ cols: columns, rows: 200, allowProposedApi: true, convertEol: true })
  const write = (data: string) => new Promise<void>((resolve) => terminal.write(data, resolve))
  const events = new EventEmitter()
  const stream = Object.assign(events, {
    isTTY: true,
    columns,
    rows: 200,
    write: (data: string) => {
      terminal.write(data)
      return true
    },
  })
  return {
    stream: stream as unknown as NodeJS.WriteStream,
    write,
    async resize(width) {
      await write('')
      terminal.resize(width, 200)
      stream.columns = width
      events.emit('resize')
    },
    async lines() {
      await write('')
      const { active } = terminal.buffer
      const lines = Array.from({ length: active.length }, (_, i) => active.getLine(i)?.translateToString(true) ?? '')
      return lines.slice(0, lines.findLastIndex((line) => line !== '') + 1)
    },
  }
}
