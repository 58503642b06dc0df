import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** A control group of Linux that limits the memory of its processes, tmpfs and page cache included. */
export interface ControlGroup {
  /** Returns a command line that enters the group and then becomes this command. */
  enter(command: readonly string[]): [string, ...string[]]
  /** The most memory that the group has used, in bytes. */
  peakBytes(): number
  /** The number of processes that were killed because the memory ran out. */
  killed(): number
  /** Ends the processes that are still in the group, and removes it. */
  remove(): Promise<void>
}

interface Version {
  limit: string
  /** Limits swap as well, where the kernel can. */
  swap: readonly [file: string, value: (bytes: number) => number]
  peak: string
  /** A file with a line "oom_kill N". */
  events: string
}

const V1: Version = {
  limit: 'memory.limit_in_bytes',
  swap: ['memory.memsw.limit_in_bytes', (bytes) => bytes],
  peak: 'memory.max_usage_in_bytes',
  events: 'memory.oom_control',
}
const V2: Version = {
  limit: 'memory.max',
  swap: ['memory.swap.max', () => 0],
  peak: 'memory.peak',
  events: 'memory.events',
}

const read = (...path: string[]): string => readFileSync(join(...path), 'utf8')

/** Returns folders in which groups may be created, with the group of this process first. */
function* findParents(): Generator<[folder: string, version: Version]> {
  const own = read('/proc/self/cgroup').trim().split('\n')
  for (const line of read('/proc/self/mounts').split('\n')) {
    const [, mount, type, options = ''] = line.split(' ')
    const isV1 = type === 'cgroup' && options.split(',').includes('memory')
    if (!isV1 && type !== 'cgroup2') continue
    const path = own.find((entry) => entry.startsWith('0::') !== isV1 && (!isV1 || /:(.*,)?memory(,.*)?:/.test(entry)))
    for (let at = join(mount, path?.split(':')[2] ?? '/'); ; at = join(at, '..')) {
      const controls = join(at, 'cgroup.subtree_control')
      if (isV1 ? existsSync(at) : existsSync(controls) && /\bmemory\b/.test(read(controls))) yield [at, isV1 ? V1 : V2]
      if (relative(mount, at) === '' || at === '/') break
    }
  }
}

function makeGroup(parent: string, version: Version, name: string, bytes: number): ControlGroup {
  const folder = join(parent, name)
  mkdirSync(folder)
  const procs = join(folder, 'cgroup.procs')
  try {
    writeFileSync(join(folder, version.limit), String(bytes))
    const [file, toValue] = version.swap
    if (existsSync(join(folder, file))) writeFileSync(join(folder, file), String(toValue(bytes)))
  } catch (error) {
    rmdirSync(folder)
    throw error
  }
  return {
    enter: (command) => ['/bin/sh', '-c', 'echo $$ > "$0" && exec "$@"', procs, ...command],
    peakBytes: () => (existsSync(join(folder, version.peak)) ? Number(read(folder, version.peak)) : 0),
    killed: () => Number(/^oom_kill (\d+)/m.exec(read(folder, version.events))?.[1] ?? 0),
    async remove() {
      for (;;) {
        const left = read(procs).split('\n').filter(Boolean).map(Number)
        if (left.length === 0) break
        for (const pid of left) killIfPresent(pid)
        await pause(50)
      }
      rmdirSync(folder)
    },
  }
}

function killIfPresent(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {}
}

/**
 * Creates a control group with this much memory.
 * @throws Error if this process may not
 */
export function openControlGroup(bytes: number): ControlGroup {
  let problem: unknown = new Error('there are no control groups')
  for (const [parent, version] of findParents()) {
    try {
      return makeGroup(parent, version, `graft-hostile-${randomUUID()}`, bytes)
    } catch (error) {
      problem = error
    }
  }
  throw problem
}

/** Ends the name of tests that run without a limit of memory, because this process may not set one. */
export const whyNoGroup: string = await (async () => {
  try {
    await openControlGroup(2 ** 26).remove()
    return ''
  } catch {
    return ' (without a limit of memory: this process may not create a control group)'
  }
})()
