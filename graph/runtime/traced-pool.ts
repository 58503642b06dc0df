import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freeList } from '../../core/free-list.ts'
import type { Program } from '../program.ts'
import type { Symbols } from '../types.ts'
import type { Loaded, Pool } from './pool.ts'
import type { Values } from './session.ts'
import { readTrace, type TracedRun } from './trace.ts'

/** One run of a program: when the caller began and had its results, in milliseconds of `performance.now()`, and what was traced of it. */
export interface Call {
  program: Program
  /** The number of the thread, from 0. */
  thread: number
  symbols: Symbols
  begun: number
  ended: number
  /** Bytes of what was fed and of what came back; what is bound is not among them. */
  fed: number
  returned: number
  trace: TracedRun
}

export interface TracedPool extends Pool {
  /** Closes the pool, whereupon ONNX Runtime writes its traces, and reads them. */
  calls(): Promise<Call[]>
}

type Untraced = Omit<Call, 'trace'>

/**
 * Traces all that is run. It takes one pool of one thread for each thread, since a trace does not tell which run is whose: so the runs of
 * each are in the order in which they were asked for.
 * @param folder where ONNX Runtime writes its traces; the caller removes it
 */
export function tracedPool(threads: readonly Pool[], folder: string): TracedPool {
  const free = freeList(threads.keys())
  const asked = new Map<string, Untraced[]>()
  let programs = 0
  let closed: Promise<unknown> | undefined
  const close = async () => {
    closed ??= Promise.all(threads.map((pool) => pool.close()))
    await closed
  }

  async function load(program: Program, bound: Values, options: Parameters<Pool['load']>[2]): Promise<Loaded> {
    const number = programs++
    const prefixes = threads.map((_, thread) => `program-${number}-thread-${thread}-trace`)
    for (const prefix of prefixes) asked.set(prefix, [])
    const loaded = await Promise.all(
      threads.map((pool, thread) => pool.load(program, bound, { ...options, profile: join(folder, prefixes[thread]) })),
    )
    return {
      ...loaded[0],
      async run(feeds, symbols, ...rest) {
        const thread = await free.take()
        const begun = performance.now()
        try {
          const results = await loaded[thread].run(feeds, symbols, ...rest)
          const sizes = { fed: bytesOf(feeds), returned: bytesOf(results) }
          asked.get(prefixes[thread])?.push({ program, thread, begun, ended: performance.now(), ...sizes, symbols })
          return results
        } finally {
          free.give(thread)
        }
      },
      unload: async () => {
        await Promise.all(loaded.map((one) => one.unload()))
      },
    }
  }

  return {
    ...threads[0],
    size: threads.length,
    load,
    close,
    async calls() {
      await close()
      const files = await readdir(folder)
      const all: Call[] = []
      for (const [prefix, calls] of asked) {
        const own = files.filter((file) => file.startsWith(prefix))
        const runs = (await Promise.all(own.map((file) => timedRuns(folder, file)))).flat()
        runs.sort((x, y) => x.at - y.at)
        if (runs.length !== calls.length)
          throw new Error(
            `${prefix}: of ${calls.length} runs ONNX Runtime traced ${runs.length}; a trace holds a million events`,
          )
        all.push(...calls.map((call, i) => ({ ...call, trace: runs[i].run })))
      }
      return all.sort((a, b) => a.begun - b.begun)
    },
  }
}

/** What is no data is a name for what lies on the device already. */
const bytesOf = (values: Readonly<Record<string, object>>): number =>
  Object.values(values).reduce((sum, data) => sum + (ArrayBuffer.isView(data) ? data.byteLength : 0), 0)

/**
 * The runs of one trace, and when each began. A device has a session, and so a trace, for each set of sizes: only the time that stands in a
 * file's name, when its clock was set to zero, tells the order of runs in several.
 */
async function timedRuns(folder: string, file: string): Promise<{ at: number; run: TracedRun }[]> {
  const digits = /(\d+)-(\d+)-(\d+)_(\d+)-(\d+)-(\d+)_(\d+)\.json$/.exec(file)?.slice(1).map(Number) ?? []
  const [year, month, ...rest] = digits
  const zero = digits.length > 0 ? Date.UTC(year, month - 1, ...rest) : 0
  const runs = readTrace(await readFile(join(folder, file), 'utf8'))
  return runs.map((run) => ({ at: zero + run.start, run }))
}
