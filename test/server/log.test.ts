import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { makeLog, openLogOutput } from '../../server/log.ts'

/** Opens a pipe. Its reader takes only what `read` takes. */
function openPipe() {
  const folder = mkdtempSync(join(tmpdir(), 'graft-log-'))
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(path, constants.O_WRONLY)
  onTestFinished(() => {
    closeSync(reader)
    rmSync(folder, { recursive: true })
  })
  const buffer = Buffer.alloc(65_536)
  const read = (): string => {
    try {
      return buffer.toString('utf8', 0, readSync(reader, buffer))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return ''
      throw error
    }
  }
  return { writer, read }
}

test('a reader of the log that stalls does not stall the server, and learns how many lines it missed', async () => {
  const { writer, read } = openPipe()
  const output = openLogOutput(writer)
  const log = makeLog(output)
  const started = performance.now()
  for (let i = 0; i < 3000; i++) log.info({ text: 'x'.repeat(1000) })
  await sleep(10)
  expect(performance.now() - started).toBeLessThan(5000)

  let text = ''
  await vi.waitFor(() => {
    text += read()
    expect(text).toContain('dropped_lines')
  }, 20_000)
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const { dropped_lines } = lines.find((line) => line.dropped_lines !== undefined)
  expect(lines.length - 1 + dropped_lines).toBe(3000)
  await output.close()
})

test('what waits is written before the log closes, unless the reader takes nothing', async () => {
  const taken = openPipe()
  const output = openLogOutput(taken.writer)
  makeLog(output).info({ last: 'line' })
  expect(await output.close()).toBe(true)
  expect(taken.read()).toContain('"last":"line"')

  const stalled = openPipe()
  const stuck = openLogOutput(stalled.writer)
  for (let i = 0; i < 200; i++) stuck.write(`${'x'.repeat(1000)}\n`)
  expect(await stuck.close()).toBe(false)
  stuck.write('ignored\n')
  // The write in progress ends once the pipe has room.
  await vi.waitFor(() => expect(stalled.read()).toBe(''))
})
