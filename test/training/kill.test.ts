import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { expectError } from '../checkpoint/helpers.ts'
import { runTraining, tinySpec, weightsOf } from './tiny.ts'

interface Running {
  command: ChildProcess
  /** Returns what it has written to stderr so far. */
  stderr: () => string
  exited: Promise<unknown>
}

const started: Running[] = []

// If a test failed, its processes may still be running.
afterAll(() => {
  for (const { command } of started)
    if (command.exitCode === null && command.signalCode === null) process.kill(-command.pid!, 'SIGKILL')
})

function spawnGraft(...argv: string[]): Running {
  const command = spawn(process.execPath, [join(packageRoot, 'bin/graft.cjs'), ...argv], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let text = ''
  command.stderr.on('data', (chunk) => {
    text += chunk
  })
  const running = { command, stderr: () => text, exited: once(command, 'close') }
  started.push(running)
  return running
}

const flagsOf = (settings: object): string[] =>
  Object.entries(settings).flatMap(([flag, value]) => [`--${flag.replace('_', '-')}`, String(value)])

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

async function waitUntil(done: () => boolean, describe: () => string): Promise<void> {
  const start = performance.now()
  while (!done()) {
    if (performance.now() - start > 30_000) throw new Error(`not within 30 seconds: ${describe()}`)
    await sleep(5)
  }
}

/** Waits until a random moment after this run has saved one or two states. */
async function waitForRandomMoment({ command, stderr }: Running): Promise<void> {
  const saves = 1 + Math.floor(2 * Math.random())
  await waitUntil(
    () => stderr().split('state saved').length > saves || command.exitCode !== null,
    () => `${saves} states saved; stderr: ${stderr()}`,
  )
  await sleep(40 * Math.random())
  expect(command.exitCode, stderr()).toBeNull()
}

const STEPS = 900

test('a training that is killed at any moment, wholly or in part, continues and ends with the same bytes', async () => {
  const fields = { steps: STEPS, batch_tokens: 400, test: undefined }
  const spec = tinySpec({ ...fields, save_seconds: 0.03 })
  const state = `${spec.out}.training`
  const trainingPid = () => Number.parseInt(readFileSync(join(state, 'owner.pid'), 'utf8'), 10)
  const resume = () => spawnGraft('train', '--resume', '--out', spec.out)
  const killGroup = async ({ command, exited }: Running) => {
    process.kill(-command.pid!, 'SIGKILL')
    await exited
  }
  const { base, data, out, steps, batch_tokens } = spec
  const settings = { base, data, out, steps, batch_tokens, 'save-seconds': 0.03, threads: 2 }

  let running = spawnGraft('train', ...flagsOf(settings))
  await waitForRandomMoment(running)
  // While it runs, no other process may train there.
  await expectError(runTraining(spec, { resume: true }), 'state_mismatch', `process ${trainingPid()}`)
  await killGroup(running)

  for (let i = 0; i < 2; i++) {
    running = resume()
    await waitForRandomMoment(running)
    await killGroup(running)
  }

  // Kills only the process that trains, as the system does if memory runs out. The command says how to continue.
  running = resume()
  await waitForRandomMoment(running)
  process.kill(trainingPid(), 'SIGKILL')
  await running.exited
  expect(running.command.exitCode).toBe(1)
  expect(running.stderr()).toContain('graft train --resume --out')

  // Kills only the command. The process that trains saves its state and exits.
  running = resume()
  await waitForRandomMoment(running)
  running.command.kill('SIGKILL')
  await running.exited
  await waitUntil(
    () => !existsSync(join(state, 'owner.pid')),
    () => 'the training process exits',
  )
  expect(existsSync(spec.out)).toBe(false)

  running = resume()
  await running.exited
  expect(running.command.exitCode, running.stderr()).toBe(0)
  expect(existsSync(state)).toBe(false)

  const uninterrupted = tinySpec(fields)
  await runTraining(uninterrupted)
  expect(weightsOf(spec.out).equals(weightsOf(uninterrupted.out))).toBe(true)
}, 120_000)

test('an interrupted training saves its state, and says how to continue', async () => {
  const spec = tinySpec({ steps: 5000 })
  const { base, data, out } = spec
  const running = spawnGraft('train', ...flagsOf({ base, data, out, steps: 5000, 'save-seconds': 0.05 }))
  await waitForRandomMoment(running)
  process.kill(-running.command.pid!, 'SIGINT')
  await running.exited
  expect(running.command.exitCode).toBe(130)
  expect(running.stderr()).toContain(`graft train --resume --out "${out}"`)
  expect(existsSync(join(`${out}.training`, 'owner.pid'))).toBe(false)
  expect(existsSync(out)).toBe(false)
})
