import './no-telemetry.ts'
import { Worker } from 'node:worker_threads'
import { entryFile } from '../../core/entry.ts'
import type { Data } from './session.ts'
import type { WorkerRequest, WorkerResponse } from './worker.ts'

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never

/** A thread that runs programs. It handles one request after the other. */
export interface Thread {
  /** Sends a request and returns its results. */
  send(request: WithoutId<WorkerRequest>): Promise<Record<string, Data>>
  /** Ends the thread after its current request: terminating it during a run would crash the process. */
  close(): Promise<void>
}

/** Starts a thread that runs `graph/runtime/worker`. */
export function openThread(): Thread {
  const worker = new Worker(entryFile('graph/runtime/worker'))
  const pending = new Map<
    number,
    { resolve: (results: Record<string, Data>) => void; reject: (error: Error) => void }
  >()
  let requests = 0
  let exitError: Error | undefined
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  const rejectAll = (error: Error) => {
    exitError = error
    for (const { reject } of pending.values()) reject(error)
    pending.clear()
  }
  worker.on('error', rejectAll)
  worker.on('exit', () => rejectAll(new Error('the thread has exited')))
  worker.on('message', (response: WorkerResponse) => {
    const { resolve, reject } = pending.get(response.id) as {
      resolve: (r: Record<string, Data>) => void
      reject: (e: Error) => void
    }
    pending.delete(response.id)
    if ('failure' in response) reject(new Error(response.failure))
    else resolve(response.results)
  })
  const send = (request: WithoutId<WorkerRequest>) =>
    new Promise<Record<string, Data>>((resolve, reject) => {
      if (exitError) return reject(exitError)
      const id = requests++
      pending.set(id, { resolve, reject })
      worker.postMessage({ id, ...request })
    })
  return {
    send,
    close: async () => {
      if (!exitError) await send({ kind: 'close' })
      await exited
    },
  }
}
