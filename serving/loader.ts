import { Worker } from 'node:worker_threads'
import { requireTokenizer } from '../checkpoint/base.ts'
import { entryFile } from '../core/entry.ts'
import { fromPlain } from '../core/errors.ts'
import type { LoaderAnswer, LoaderData, LoaderRequest, ReadAdapter } from './loader-thread.ts'

/**
 * Reads adapters on a thread: their files, and the run of the model that checks them, would hold the event loop for tens of milliseconds,
 * and for hundreds where an adapter is a full model. One at a time.
 */
export interface Loader {
  /** Calls `use` with what was read, whose values are there until it returns. @throws GraftError what is wrong with the folder */
  read<T>(dir: string, use: (adapter: ReadAdapter, place: (at: number) => Promise<void>) => Promise<T>): Promise<T>
  /** Ends it after what it does now. What was asked for is rejected. */
  close(): Promise<void>
}

interface Thread {
  ask(request: LoaderRequest): Promise<ReadAdapter | undefined>
  exited: Promise<void>
}

/** @throws GraftError `base_incomplete` for a base without a tokenizer */
export function openLoader(data: LoaderData): Loader {
  requireTokenizer(data.base)
  let thread: Thread | undefined
  let turn: Promise<unknown> = Promise.resolve()
  let closed = false
  /** A thread that ended, for lack of memory say, took one adapter with it and no more. */
  const ask = (request: LoaderRequest) => {
    if (closed) throw ended()
    if (!thread) {
      const started = startThread(data)
      thread = started
      void started.exited.then(() => {
        if (thread === started) thread = undefined
      })
    }
    return thread.ask(request)
  }
  return {
    read(dir, use) {
      const work = turn.then(async () => {
        const adapter = (await ask({ kind: 'read', dir })) as ReadAdapter
        let placed = false
        try {
          return await use(adapter, async (at) => {
            placed = true
            await ask({ kind: 'place', at })
          })
        } finally {
          // Values that nobody wants could be a whole model.
          if (!placed && !closed) await ask({ kind: 'drop' })
        }
      })
      turn = work.catch(() => {})
      return work
    },
    async close() {
      closed = true
      // By a message: a thread that is stopped while it runs the model would take the process with it.
      thread?.ask({ kind: 'close' }).catch(() => {})
      await thread?.exited
    },
  }
}

const ended = () => new Error('the thread that loads adapters has ended')

function startThread(data: LoaderData): Thread {
  const worker = new Worker(entryFile('serving/loader-thread'), { workerData: data })
  const pending: { resolve(adapter?: ReadAdapter): void; reject(error: unknown): void }[] = []
  const fail = (error: unknown) => {
    for (const { reject } of pending.splice(0)) reject(error)
  }
  worker.on('error', fail)
  worker.on('message', (answer: LoaderAnswer) => {
    const asked = pending.shift()
    if ('error' in answer) asked?.reject(fromPlain(answer.error))
    else asked?.resolve(answer.adapter)
  })
  const exited = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      fail(ended())
      resolve()
    })
  })
  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        pending.push({ resolve, reject })
        worker.postMessage(request)
      }),
    exited,
  }
}
