import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFreeList } from '../../core/free-list.ts'
import type { Program } from '../program.ts'
import type { Symbols } from '../types.ts'
import type { LoadedProgram, Pool } from './pool.ts'
import type { Values } from './session.ts'
import { parseTrace, type TracedRun } from './trace.ts'

/** A run of a program with its trace. Times are in milliseconds of `performance.now()`. */
export interface Call {
  program: Program
  /** The index of the thread, from 0. */
  thread: number
  symbols: Symbols
  /** The time at which the run began, and the time at which the caller had its results. */
  start: number
  end: number
  /** Bytes of the inputs and of the results. Bound values are not included. */
  bytesFed: number
  bytesReturned: number
  trace: TracedRun
}

export interface TracedPool extends Pool {
  /** Closes the pool, which makes ONNX Runtime write its traces, and returns all calls in order of their start. */
  collectCalls(): Promise<Call[]>
}

type Untraced = Omit<Call, 'trace'>

/**
 * Opens a pool that traces all its runs. Takes one pool per thread, each of size 1: a trace does not say which call a
 * run belongs to, but the runs of one thread are in the order of its calls.
 * @param folder the folder that ONNX Runtime writes its traces to. The caller removes it.
 */
export function openTracedPool(threads: readonly Pool[], folder: string): TracedPool {
  const idle = makeFreeList(threads.keys())
  const callsByPrefix = new Map<string, Untraced[]>()
  let programs = 0
  let closing: Promise<unknown> | undefined
  const close = async () => {
    closing ??= Promise.all(threads.map((pool) => pool.close()))
    await closing
  }

  async function load(program: Program, bound: Values, options: Parameters<Pool['load']>[2]): Promise<LoadedProgram> {
    const index = programs++
    const prefixes = threads.map((_, thread) => `program-${index}-thread-${thread}-trace`)
    for (const prefix of prefixes) callsByPrefix.set(prefix, [])
    const loaded = await Promise.all(
      threads.map((pool, thread) => pool.load(program, bound, { ...options, profile: join(folder, prefixes[thread]) })),
    )
    return {
      ...loaded[0],
      async run(feeds, symbols, ...rest) {
        const thread = await idle.acquire()
        const start = performance.now()
        try {
          const results = await loaded[thread].run(feeds, symbols, ...rest)
          const sizes = { bytesFed: bytesOf(feeds), bytesReturned: bytesOf(results) }
          callsByPrefix
            .get(prefixes[thread])
            ?.push({ program, thread, start, end: performance.now(), ...sizes, symbols })
          return results
        } finally {
          idle.release(thread)
        }
      },
      unload: async () => {
        await Promise.all(loaded.map((program) => program.unload()))
      },
    }
  }

  return {
    ...threads[0],
    size: threads.length,
    load,
    close,
    async collectCalls() {
      await close()
      const files = await readdir(folder)
      const allCalls: Call[] = []
      for (const [prefix, calls] of callsByPrefix) {
        const traces = files.filter((file) => file.startsWith(prefix))
        const runs = (await Promise.all(traces.map((file) => readRuns(folder, file)))).flat()
        runs.sort((x, y) => x.startedAt - y.startedAt)
        if (runs.length !== calls.length)
          throw new Error(
            `${prefix}: ONNX Runtime traced ${runs.length} of ${calls.length} runs; a trace can hold only a million events`,
          )
        allCalls.push(...calls.map((call, i) => ({ ...call, trace: runs[i].run })))
      }
      return allCalls.sort((a, b) => a.start - b.start)
    },
  }
}

/** Returns the total size of the values that are data. The others only name values that are already on the device. */
const bytesOf = (values: Readonly<Record<string, object>>): number =>
  Object.values(values).reduce((sum, data) => sum + (ArrayBuffer.isView(data) ? data.byteLength : 0), 0)

/**
 * Reads the runs of one trace with their start times. A device has one session, and so one trace, for each set of
 * sizes. The clock of each trace starts at the time in its file name, so that time is needed to order the runs of
 * several traces.
 */
async function readRuns(folder: string, file: string): Promise<{ startedAt: number; run: TracedRun }[]> {
  const digits = /(\d+)-(\d+)-(\d+)_(\d+)-(\d+)-(\d+)_(\d+)\.json$/.exec(file)?.slice(1).map(Number) ?? []
  const [year, month, ...rest] = digits
  const origin = digits.length > 0 ? Date.UTC(year, month - 1, ...rest) : 0
  const runs = parseTrace(await readFile(join(folder, file), 'utf8'))
  return runs.map((run) => ({ startedAt: origin + run.start, run }))
}
