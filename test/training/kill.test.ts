import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { expectError } from '../checkpoint/helpers.ts'
import { run, tinySpec, weightsOf } from './tiny.ts'

interface Running {
  command: ChildProcess
  /** What it told so far. */
  told: () => string
  ended: Promise<unknown>
}

const started: Running[] = []

// Of a test that failed half-way something may still run.
afterAll(() => {
  for (const { command } of started)
    if (command.exitCode === null && command.signalCode === null) process.kill(-command.pid!, 'SIGKILL')
})

function graft(...argv: string[]): Running {
  const command = spawn(process.execPath, [join(packageRoot, 'cli/main.ts'), ...argv], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let text = ''
  command.stderr.on('data', (chunk) => {
    text += chunk
  })
  const running = { command, told: () => text, ended: once(command, 'close') }
  started.push(running)
  return running
}

const flagsOf = (settings: object): string[] =>
  Object.entries(settings).flatMap(([flag, value]) => [`--${flag.replace('_', '-')}`, String(value)])

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

async function until(done: () => boolean, what: () => string): Promise<void> {
  const begun = performance.now()
  while (!done()) {
    if (performance.now() - begun > 30_000) throw new Error(`not within 30 seconds: ${what()}`)
    await pause(5)
  }
}

/** A moment at random, within the first few states that this run saves. */
async function someTime({ command, told }: Running): Promise<void> {
  const saves = 1 + Math.floor(2 * Math.random())
  await until(
    () => told().split('state saved').length > saves || command.exitCode !== null,
    () => `${saves} states saved; it told ${told()}`,
  )
  await pause(40 * Math.random())
  expect(command.exitCode, told()).toBeNull()
}

const STEPS = 1500

test('killed at any moment, wholly or in part, a training goes on and ends with the bytes of one that was not', async () => {
  const fields = { steps: STEPS, batch_tokens: 400, test: undefined }
  const spec = tinySpec({ ...fields, save_seconds: 0.03 })
  const state = `${spec.out}.training`
  const trainer = () => Number.parseInt(readFileSync(join(state, 'owner.pid'), 'utf8'), 10)
  const resume = () => graft('train', '--resume', '--out', spec.out)
  const killGroup = async ({ command, ended }: Running) => {
    process.kill(-command.pid!, 'SIGKILL')
    await ended
  }
  const { base, data, out, steps, batch_tokens } = spec
  const settings = { base, data, out, steps, batch_tokens, 'save-seconds': 0.03, threads: 2 }

  let running = graft('train', ...flagsOf(settings))
  await someTime(running)
  // While it runs, no other process may train there.
  await expectError(run(spec, { resume: true }), 'state_mismatch', `process ${trainer()}`)
  await killGroup(running)

  for (let i = 0; i < 2; i++) {
    running = resume()
    await someTime(running)
    await killGroup(running)
  }

  // The process that trains alone, as when memory runs out: the command says how to go on.
  running = resume()
  await someTime(running)
  process.kill(trainer(), 'SIGKILL')
  await running.ended
  expect(running.command.exitCode).toBe(1)
  expect(running.told()).toContain('graft train --resume --out')

  // The command alone: the process that trains saves its state and ends.
  running = resume()
  await someTime(running)
  running.command.kill('SIGKILL')
  await running.ended
  await until(
    () => !existsSync(join(state, 'owner.pid')),
    () => 'the training process is gone',
  )
  expect(existsSync(spec.out)).toBe(false)

  running = resume()
  await running.ended
  expect(running.command.exitCode, running.told()).toBe(0)
  expect(existsSync(state)).toBe(false)

  const undisturbed = tinySpec(fields)
  await run(undisturbed)
  expect(weightsOf(spec.out).equals(weightsOf(undisturbed.out))).toBe(true)
}, 120_000)

test('an interrupt saves the state, and says how to go on', async () => {
  const spec = tinySpec({ steps: 5000 })
  const { base, data, out } = spec
  const running = graft('train', ...flagsOf({ base, data, out, steps: 5000, 'save-seconds': 0.05 }))
  await someTime(running)
  process.kill(-running.command.pid!, 'SIGINT')
  await running.ended
  expect(running.command.exitCode).toBe(130)
  expect(running.told()).toContain(`graft train --resume --out "${out}"`)
  expect(existsSync(join(`${out}.training`, 'owner.pid'))).toBe(false)
  expect(existsSync(out)).toBe(false)
})
