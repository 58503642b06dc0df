import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { expect, inject, vi } from 'vitest'
import { z } from 'zod'
import type { Command } from '../../cli/command.ts'
import { parseFlags } from '../../cli/flags.ts'
import { packageRoot } from '../../core/entry.ts'
import { afterFile } from '../after-file.ts'
import { freshPath } from '../checkpoint/helpers.ts'
import { NODE_FLAGS } from '../node-flags.ts'

export interface Exit {
  code: number | null
  stdout: string
  stderr: string
}

export interface GraftProcess {
  readonly stdout: string
  readonly stderr: string
  readonly exited: Promise<Exit>
  kill(signal: NodeJS.Signals): void
  /** Resolves once the output of both streams matches. @throws if the process exits before that */
  waitFor(pattern: RegExp): Promise<void>
}

const alive = new Set<ChildProcess>()
/** Kills the processes that are still running, such as those of a test that failed. */
function killAlive(): void {
  for (const child of alive) child.kill('SIGKILL')
}

/** Creates a home with an empty store. */
export function freshHome(): string {
  const home = freshPath('home')
  cpSync(inject('embeddedTemplate'), home, { recursive: true })
  return home
}

const STORE_COMMANDS = [
  'serve',
  'quickstart',
  'worker',
  'adapters',
  'aliases',
  'trainings',
  'datasets',
  'key',
  'sweep',
  'reproduce',
]

/** Returns whether a command line opens the store. */
const opensStore = (commandLine: string): boolean => STORE_COMMANDS.includes(commandLine.split(' ')[0])

/**
 * Starts the command as a user does. GRAFT_HOME defaults to a new folder.
 * @param options `closesStdout` closes the reading end of its stdout at once
 */
export function startGraft(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  { closesStdout = false } = {},
): GraftProcess {
  const child = spawn(process.execPath, [...NODE_FLAGS, join(packageRoot, 'bin/graft.cjs'), ...args], {
    env: {
      ...process.env,
      DATABASE_URL: '',
      ...(env.GRAFT_HOME === undefined && {
        GRAFT_HOME: opensStore(args[0] ?? '') ? freshHome() : freshPath('home'),
      }),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (closesStdout) child.stdout.destroy()
  return watchProcess(child)
}

/** Watches the output and the exit of a process. Kills it when the tests end. */
export function watchProcess(child: ChildProcess): GraftProcess {
  if (alive.size === 0) afterFile(killAlive)
  alive.add(child)
  child.on('close', () => alive.delete(child))
  let [stdout, stderr] = ['', '']
  child.stdout?.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  const exited = new Promise<Exit>((resolve) => {
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
  let hasExited = false
  void exited.then(() => {
    hasExited = true
  })
  return {
    get stdout() {
      return stdout
    },
    get stderr() {
      return stderr
    },
    exited,
    kill: (signal) => child.kill(signal),
    async waitFor(pattern) {
      while (!pattern.test(stdout + stderr)) {
        if (hasExited) throw new Error(`the process exited without printing ${pattern}: ${stdout}${stderr}`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
  }
}

/** Stops a server as a supervisor does, and requires that it ends well. */
export async function stopServer(server: GraftProcess): Promise<void> {
  server.kill('SIGTERM')
  const { code, stderr } = await server.exited
  expect(code, stderr).toBe(0)
}

/** Runs the command until it exits. */
export const graft = (...args: string[]): Promise<Exit> => startGraft(args).exited

/** Runs a command in this process, which is faster. @returns its stdout @throws the error of the command */
export async function runInProcess(command: Command, ...argv: string[]): Promise<string> {
  process.env.GRAFT_HOME = opensStore(command.usage) ? freshHome() : freshPath('home')
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
