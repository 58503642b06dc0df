import { Worker } from 'node:worker_threads'
import { entryFile } from '../../core/entry.ts'
import { freeList } from '../../core/free-list.ts'
import { lower } from '../onnx/lower.ts'
import type { Program } from '../program.ts'
import type { Data, SessionOptions, Symbols, Values } from './session.ts'
import type { Answer, Request } from './worker.ts'

/** Threads that run programs, so that no event loop is blocked. One run keeps one thread; more runs than threads wait in order. */
export interface Pool {
  readonly size: number
  /** Loads a program into every thread. `bound` is fed on every run: weights, which all threads read in shared memory. */
  load(program: Program, bound: Values, options?: SessionOptions): Promise<Loaded>
  /** Ends the threads after what they run now: a thread that is stopped inside a run would take the process with it. */
  close(): Promise<void>
}

export interface Loaded {
  /** Runs on the first free thread. `into` takes buffers of shared memory alone; what is shared is not copied between threads. */
  run(feeds: Values, symbols: Symbols, into?: Values): Promise<Record<string, Data>>
  unload(): Promise<void>
}

/** @param size the number of threads, one core each */
export function openPool(size: number): Pool {
  const threads = Array.from({ length: size }, openThread)
  const free = freeList(threads)
  let programs = 0

  return {
    size,
    async load(program, bound, options = {}) {
      const key = programs++
      const executable = lower(program, 'cpu')
      const shared = Object.fromEntries(Object.entries(bound).map(([name, data]) => [name, inSharedMemory(data)]))
      await Promise.all(
        threads.map((t) =>
          t.ask({ kind: 'load', key, executable, bound: shared, options: { threads: 1, ...options } }),
        ),
      )
      return {
        async run(feeds, symbols, into = {}) {
          const lost = Object.keys(into).find((name) => !isShared(into[name]))
          if (lost)
            throw new Error(
              `${program.name}: ${lost} must be written to shared memory; a thread has its own copy of other buffers`,
            )
          const thread = await free.take()
          try {
            return await thread.ask({ kind: 'run', key, feeds, symbols, into })
          } finally {
            free.give(thread)
          }
        },
        unload: async () => {
          await Promise.all(threads.map((t) => t.ask({ kind: 'unload', key })))
        },
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

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never

interface Thread {
  ask(request: WithoutId<Request>): Promise<Record<string, Data>>
  close(): Promise<void>
}

function openThread(): Thread {
  const worker = new Worker(entryFile('graph/runtime/worker'))
  const pending = new Map<
    number,
    { resolve: (results: Record<string, Data>) => void; reject: (error: Error) => void }
  >()
  let requests = 0
  let ended: Error | undefined
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  const fail = (error: Error) => {
    ended = error
    for (const { reject } of pending.values()) reject(error)
    pending.clear()
  }
  worker.on('error', fail)
  worker.on('exit', () => fail(new Error('the thread has ended')))
  worker.on('message', (answer: Answer) => {
    const { resolve, reject } = pending.get(answer.id) as {
      resolve: (r: Record<string, Data>) => void
      reject: (e: Error) => void
    }
    pending.delete(answer.id)
    if ('failure' in answer) reject(new Error(answer.failure))
    else resolve(answer.results)
  })
  const ask = (request: WithoutId<Request>) =>
    new Promise<Record<string, Data>>((resolve, reject) => {
      if (ended) return reject(ended)
      const id = requests++
      pending.set(id, { resolve, reject })
      worker.postMessage({ id, ...request })
    })
  return {
    ask,
    close: async () => {
      if (!ended) await ask({ kind: 'close' })
      await exited
    },
  }
}
