import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { NODE_FLAGS } from '../../node-flags.ts'
import type { Place } from './embedded.ts'

/**
 * `open` opens the store and closes it, `hold` closes it at the end of stdin, `write` writes rows until it is killed,
 * and `write-pglite` does that with PGlite.
 */
export type StoreTask = 'open' | 'hold' | 'write' | 'write-pglite'

export interface StoreProcess {
  readonly child: ChildProcess
  /** The lines of its stdout: `open`, the name of each row that it wrote, `closed`, the code of its error. */
  readonly lines: readonly string[]
  /** Waits until the process has reported a number of lines, or exited. */
  reports(n: number): Promise<unknown>
  readonly ended: Promise<unknown>
}

/** Starts another process that opens a store, and collects its lines. */
export function startStoreProcess(task: StoreTask, { databaseUrl, home }: Place['options']): StoreProcess {
  const script = fileURLToPath(new URL('child.ts', import.meta.url))
  const child = spawn(process.execPath, [...NODE_FLAGS, script, task, databaseUrl, home], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  const reader = createInterface({ input: child.stdout })
  reader.on('line', (line) => lines.push(line))
  const ended = once(reader, 'close')
  const reports = (n: number) =>
    Promise.race([ended, expect.poll(() => lines.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(n)])
  return { child, lines, reports, ended }
}
