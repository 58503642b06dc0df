import { makeFreeList } from '../../core/free-list.ts'
import { lower } from '../onnx/lower.ts'
import type { Program } from '../program.ts'
import type { Symbols } from '../types.ts'
import { toDeviceError } from './device-errors.ts'
import type { Data, Feeds, SessionOptions, Values } from './session.ts'
import { openThread, type Thread } from './thread.ts'

/**
 * A pool of threads that run programs, so that the event loop is not blocked. Each run takes one thread; further runs
 * wait in order.
 */
export interface Pool {
  readonly size: number
  /**
   * Loads a program into every thread. `bound` values, such as weights, are fed on every run; all threads read them in
   * shared memory.
   */
  load(program: Program, bound: Values, options?: LoadOptions): Promise<LoadedProgram>
  /** Ends the threads after their current runs: terminating a thread during a run would crash the process. */
  close(): Promise<void>
}

export interface LoadOptions extends SessionOptions {
  /** Further bound values, which may change in place between runs. Others may be copied once. Defaults to none. */
  mutable?: Values
  /**
   * Lets runs that come one after the other use several cores each. That takes less time but more work in all, and
   * changes the last digits of some results. Defaults to false.
   */
  wide?: boolean
}

/** More threads inside one op gain little. */
const MAX_WIDE_THREADS = 4

/** The lone runs, one after the other, after which the next one uses several cores. */
const RUNS_BEFORE_WIDE = 3

/** A program that is loaded into the threads of a pool. */
export interface LoadedProgram {
  /** Runs on the first free thread. The buffers of `into` receive their results; they must be in shared memory. */
  run(feeds: Feeds, symbols: Symbols, into?: Values): Promise<Record<string, Data>>
  /** Closes its sessions, on each thread after the current run. */
  unload(): Promise<void>
}

/**
 * Opens a pool.
 * @param size the number of threads, which use one core each
 * @param target for `cuda`, bound values become constants of the program, because ONNX Runtime would upload inputs on
 * every run
 */
export function openPool(size: number, target: 'cpu' | 'cuda' = 'cpu'): Pool {
  const threads = Array.from({ length: size }, openThread)
  const idle = makeFreeList(threads)
  let programs = 0
  /** The last runs each of which began while no other was in progress. */
  let loneRuns = 0
  const withDeviceErrors = <T>(work: Promise<T>) =>
    work.catch((error) => {
      throw target === 'cpu' ? error : toDeviceError(error, target)
    })

  return {
    size,
    async load(program, bound, { mutable = {}, wide: wanted = false, ...options } = {}) {
      const key = programs++
      const wideKey = programs++
      const frozen = Object.fromEntries(Object.entries(bound).filter(([name]) => !(name in mutable)))
      const executable = target === 'cpu' ? lower(program, target) : lower(program, target, { constants: frozen })
      const perRun = Object.entries({ ...bound, ...mutable }).filter(([name]) => name in executable.inputs)
      const shared = Object.fromEntries(perRun.map(([name, data]) => [name, toSharedMemory(data)]))
      const load = { kind: 'load', key, executable, bound: shared, options: { threads: 1, ...options } } as const
      let mayBeWide = wanted && size > 1
      /** The thread that has the program for several cores as well. */
      let wideThread: Thread | undefined
      const loadWide = async (thread: Thread) => {
        wideThread = thread
        const options = { ...load.options, threads: Math.min(size, MAX_WIDE_THREADS) }
        await thread.send({ ...load, key: wideKey, options }).catch(() => {
          // The program still runs on one core.
          mayBeWide = false
        })
      }
      const unload = async () => {
        mayBeWide = false
        const narrow = threads.map((t) => t.send({ kind: 'unload', key }))
        await Promise.all([...narrow, wideThread?.send({ kind: 'unload', key: wideKey })])
      }
      try {
        await withDeviceErrors(Promise.all(threads.map((t) => t.send(load))))
      } catch (error) {
        // The program may have been loaded on some of the threads.
        unload().catch(() => {})
        throw error
      }
      return {
        async run(feeds, symbols, into = {}) {
          const unshared = Object.keys(into).find((name) => !isShared(into[name]))
          if (unshared)
            throw new Error(
              `${program.name}: the buffer for ${unshared} must be in shared memory; a thread would write to its own copy of it`,
            )
          const thread = await idle.acquire()
          loneRuns = idle.free === size - 1 ? loneRuns + 1 : 0
          const isWide = mayBeWide && loneRuns > RUNS_BEFORE_WIDE
          const own = isWide && thread === wideThread ? wideKey : key
          try {
            return await withDeviceErrors(
              thread.send({ kind: 'run', key: own, feeds, symbols, into, residents: {}, keep: {} }),
            )
          } finally {
            if (isWide && mayBeWide && !wideThread) void loadWide(thread).then(() => idle.release(thread))
            else idle.release(thread)
          }
        },
        unload,
      }
    },
    close: async () => {
      await Promise.all(threads.map((t) => t.close()))
    },
  }
}

const isShared = ({ buffer }: Data): boolean => buffer instanceof SharedArrayBuffer

/** Copies a value to shared memory, unless it is already there. Every thread would otherwise hold its own copy. */
function toSharedMemory(data: Data): Data {
  if (isShared(data)) return data
  const copy = new (data.constructor as new (buffer: SharedArrayBuffer) => Data)(new SharedArrayBuffer(data.byteLength))
  copy.set(data as never)
  return copy
}
