import './no-telemetry.ts'
import { Worker } from 'node:worker_threads'
import { entryFile } from '../../core/entry.ts'
import type { Data } from './session.ts'
import type { Answer, Request } from './worker.ts'

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never

/** A thread that runs programs, one request after the other. */
export interface Thread {
  ask(request: WithoutId<Request>): Promise<Record<string, Data>>
  /** Ends it after what it runs now: a thread that is stopped inside a run would take the process with it. */
  close(): Promise<void>
}

export function openThread(): Thread {
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
