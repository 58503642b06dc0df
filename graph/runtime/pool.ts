import { freeList } from '../../core/free-list.ts'
import { lower } from '../onnx/lower.ts'
import type { Program } from '../program.ts'
import type { Symbols } from '../types.ts'
import { deviceError } from './device-errors.ts'
import type { Data, Feeds, SessionOptions, Values } from './session.ts'
import { openThread } from './thread.ts'

/** Threads that run programs, so that no event loop is blocked. One run keeps one thread; more runs than threads wait in order. */
export interface Pool {
  readonly size: number
  /** Loads a program into every thread. `bound` is fed on every run: weights, which all threads read in shared memory. */
  load(program: Program, bound: Values, options?: LoadOptions): Promise<Loaded>
  /** Ends the threads after what they run now: a thread that is stopped inside a run would take the process with it. */
  close(): Promise<void>
}

export interface LoadOptions extends SessionOptions {
  /** More that is bound, but changes in place between runs; what is bound otherwise may be copied once. */
  changing?: Values
}

export interface Loaded {
  /** Runs on the first free thread. `into` takes buffers of shared memory alone; what is shared is not copied between threads. */
  run(feeds: Feeds, symbols: Symbols, into?: Values): Promise<Record<string, Data>>
  /** Closes its sessions, on each thread after what that runs now. */
  unload(): Promise<void>
}

/**
 * @param size the number of threads, one core each
 * @param target `cuda` computes on the GPU: what is bound are constants there, since ONNX Runtime would upload inputs at every run
 */
export function openPool(size: number, target: 'cpu' | 'cuda' = 'cpu'): Pool {
  const threads = Array.from({ length: size }, openThread)
  const free = freeList(threads)
  let programs = 0
  const asked = <T>(answer: Promise<T>) =>
    answer.catch((error) => {
      throw target === 'cpu' ? error : deviceError(error, target)
    })

  return {
    size,
    async load(program, bound, { changing = {}, ...options } = {}) {
      const key = programs++
      const frozen = Object.fromEntries(Object.entries(bound).filter(([name]) => !(name in changing)))
      const executable = target === 'cpu' ? lower(program, target) : lower(program, target, { constants: frozen })
      const fed = Object.entries({ ...bound, ...changing }).filter(([name]) => name in executable.inputs)
      const shared = Object.fromEntries(fed.map(([name, data]) => [name, inSharedMemory(data)]))
      const load = { kind: 'load', key, executable, bound: shared, options: { threads: 1, ...options } } as const
      const unload = async () => {
        await Promise.all(threads.map((t) => t.ask({ kind: 'unload', key })))
      }
      try {
        await asked(Promise.all(threads.map((t) => t.ask(load))))
      } catch (error) {
        // It may be loaded on some of them.
        unload().catch(() => {})
        throw error
      }
      return {
        async run(feeds, symbols, into = {}) {
          const lost = Object.keys(into).find((name) => !isShared(into[name]))
          if (lost)
            throw new Error(
              `${program.name}: ${lost} must be written to shared memory; a thread has its own copy of other buffers`,
            )
          const thread = await free.take()
          try {
            return await asked(thread.ask({ kind: 'run', key, feeds, symbols, into, residents: {}, keep: {} }))
          } finally {
            free.give(thread)
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

/** What is not shared would be copied to every thread. */
function inSharedMemory(data: Data): Data {
  if (isShared(data)) return data
  const copy = new (data.constructor as new (buffer: SharedArrayBuffer) => Data)(new SharedArrayBuffer(data.byteLength))
  copy.set(data as never)
  return copy
}
