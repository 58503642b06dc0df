import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { NODE_FLAGS } from '../node-flags.ts'

/** Starts a process with a watchdog that allows two seconds of silence. */
function startWatched(code: string) {
  const script = `import { writeSync } from 'node:fs'
import { startWatchdog } from ${JSON.stringify(join(packageRoot, 'core/watchdog.ts'))}
const stop = startWatchdog(2)
const block = (seconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000 * seconds)
console.log('started')
${code}`
  const child = spawn(process.execPath, [...NODE_FLAGS, '--input-type=module', '--eval', script])
  onTestFinished(() => void child.kill('SIGKILL'))
  return { child, started: once(child.stdout, 'data') }
}

/** Reads the output of a process until it exits. */
async function readToExit({ child }: ReturnType<typeof startWatched>) {
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk) => {
      output[name] += chunk
    })
  const [code, signal] = await once(child, 'close')
  return { code, signal, ...output }
}

test('a process whose main thread hangs is ended with a message', async () => {
  const { signal, stderr } = await readToExit(startWatched('setTimeout(() => { for (;;); }, 100)'))
  expect(signal).toBe('SIGKILL')
  expect(stderr).toMatch(/main thread has not responded for 2 seconds, so this process ends\.\n {2}Start it again\./)
})

test('a process that hangs because the reader of its log has stalled is ended as well', async () => {
  const { child } = startWatched('for (;;) try { writeSync(2, "x".repeat(65536)) } catch {}')
  expect(await once(child, 'exit')).toEqual([null, 'SIGKILL'])
})

test('a process that is busy for less than the limit, or was suspended for longer, continues', async () => {
  const watched = startWatched('block(1); setTimeout(() => { stop(); console.log("alive") }, 9_000)')
  const ended = readToExit(watched)
  await watched.started
  await pause(2_000)
  watched.child.kill('SIGSTOP')
  await pause(5_000)
  watched.child.kill('SIGCONT')
  expect(await ended).toMatchObject({ code: 0, signal: null, stdout: 'started\nalive\n' })
})

test('a watchdog does not keep a process alive, and a stopped one does not end it', async () => {
  expect(await readToExit(startWatched(''))).toMatchObject({ code: 0, stderr: '' })
  expect(await readToExit(startWatched('stop(); block(4)'))).toMatchObject({ code: 0, stderr: '' })
})
