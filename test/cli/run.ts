import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, inject, vi } from 'vitest'
import { z } from 'zod'
import type { Command } from '../../cli/command.ts'
import { parseFlags } from '../../cli/flags.ts'
import { packageRoot } from '../../core/entry.ts'
import { freshPath } from '../checkpoint/helpers.ts'

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

export interface Running {
  readonly stdout: string
  readonly stderr: string
  readonly ended: Promise<Ended>
  kill(signal: NodeJS.Signals): void
  /** Resolves once both streams together match. @throws where it ends before that */
  says(pattern: RegExp): Promise<void>
}

const alive = new Set<ChildProcess>()
/** A test that failed leaves what it started. */
afterAll(() => {
  for (const child of alive) child.kill('SIGKILL')
})

/** A home of its own, with an empty store. */
export function freshHome(): string {
  const home = freshPath('home')
  cpSync(inject('embeddedTemplate'), home, { recursive: true })
  return home
}

/** Commands that open the store. */
const ON_STORE = ['serve', 'quickstart', 'worker', 'adapters', 'aliases', 'trainings', 'datasets', 'key']

/**
 * Starts the command as a user does, with a home of its own unless one is given.
 * @param options `deaf` closes the other end of its stdout at once
 */
export function started(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  { deaf = false } = {},
): Running {
  const child = spawn(process.execPath, [join(packageRoot, 'dist/cli/main.js'), ...args], {
    env: {
      ...process.env,
      DATABASE_URL: '',
      ...(env.GRAFT_HOME === undefined && { GRAFT_HOME: ON_STORE.includes(args[0]) ? freshHome() : freshPath('home') }),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (deaf) child.stdout.destroy()
  return watched(child)
}

/** What a process says, and when it ends. It is killed when the tests end. */
export function watched(child: ChildProcess): Running {
  alive.add(child)
  child.on('close', () => alive.delete(child))
  let [stdout, stderr] = ['', '']
  child.stdout?.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
  let over = false
  void ended.then(() => {
    over = true
  })
  return {
    get stdout() {
      return stdout
    },
    get stderr() {
      return stderr
    },
    ended,
    kill: (signal) => child.kill(signal),
    async says(pattern) {
      while (!pattern.test(stdout + stderr)) {
        if (over) throw new Error(`it ended without saying ${pattern}: ${stdout}${stderr}`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
  }
}

/** Runs the command to its end. */
export const graft = (...args: string[]): Promise<Ended> => started(args).ended

/** Runs a command within this process, which is faster. @returns what it prints to stdout @throws what it fails of */
export async function inProcess(command: Command, ...argv: string[]): Promise<string> {
  process.env.GRAFT_HOME = freshHome()
  const signals = ['SIGINT', 'SIGTERM'] as const
  const before = signals.map((signal) => process.listeners(signal))
  let printed = ''
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed += chunk
    return true
  })
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
  try {
    const fields = Object.assign({ json: z.boolean() }, ...Object.values(command.flags))
    const { values, positionals } = parseFlags(argv, fields, command)
    await command.run(values, positionals)
    return printed
  } finally {
    stdout.mockRestore()
    stderr.mockRestore()
    for (const [i, signal] of signals.entries())
      for (const listener of process.listeners(signal))
        if (!before[i].includes(listener)) process.removeListener(signal, listener)
  }
}
