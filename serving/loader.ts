import { Worker } from 'node:worker_threads'
import { type Base, requireTokenizer } from '../checkpoint/base.ts'
import { entryFile } from '../core/entry.ts'
import { fromPlain } from '../core/errors.ts'
import type { MethodConfig } from '../model/methods/registry.ts'
import {
  type LoaderAnswer,
  type LoaderData,
  type LoaderNotice,
  type LoaderRequest,
  makeAdapterReader,
  type ReadAdapter,
} from './adapter-reader.ts'
import type { AdapterDescription } from './engine-types.ts'

/**
 * Loads and validates adapters on a dedicated thread, one at a time. Reading the files and running the model to check
 * them would block the event loop for tens of milliseconds, and for hundreds if an adapter is a full model.
 */
export interface Loader {
  /**
   * Reads an adapter and calls `use` with it. Its values are available until `use` returns; `place` copies them into
   * the memory of {@link LoaderData}, starting at a byte offset.
   * @throws GraftError what is wrong with the folder
   */
  read<T>(dir: string, use: (adapter: ReadAdapter, place: (offset: number) => Promise<void>) => Promise<T>): Promise<T>
  /** Stops the thread after its current request. Requests that wait are rejected. */
  close(): Promise<void>
}

interface LoaderOptions {
  /** Starts what reads adapters: a thread, or {@link startHere}. Defaults to a thread. */
  start?: typeof startThread
  /** Called when the method of an adapter is known, while the adapter is still read and validated. */
  onMethod?: (method: MethodConfig) => void
}

interface Thread {
  send(request: LoaderRequest): Promise<ReadAdapter | undefined>
  exited: Promise<void>
}

/** @throws GraftError `base_incomplete` for a base without a tokenizer */
export function openLoader(data: LoaderData, { start = startThread, onMethod = () => {} }: LoaderOptions = {}): Loader {
  requireTokenizer(data.base)
  let turn: Promise<unknown> = Promise.resolve()
  let closed = false
  const open = (): Thread => {
    const started = start(data, ({ method }) => onMethod(method))
    void started.exited.then(() => {
      if (thread === started) thread = undefined
    })
    return started
  }
  let thread: Thread | undefined = open()
  /** If a thread exits, for example for lack of memory, only the adapter that it was loading fails. */
  const send = (request: LoaderRequest) => {
    if (closed) throw threadExitedError()
    thread ??= open()
    return thread.send(request)
  }
  return {
    read(dir, use) {
      const work = turn.then(async () => {
        const adapter = (await send({ kind: 'read', dir })) as ReadAdapter
        let placed = false
        try {
          return await use(adapter, async (offset) => {
            placed = true
            await send({ kind: 'place', offset })
          })
        } finally {
          // Do not keep values that are not used: they could be as large as a whole model.
          if (!placed && !closed) await send({ kind: 'drop' })
        }
      })
      turn = work.catch(() => {})
      return work
    },
    async close() {
      closed = true
      // A message lets the thread finish: terminating it while it runs the model would crash the process.
      thread?.send({ kind: 'close' }).catch(() => {})
      await thread?.exited
    },
  }
}

/**
 * Describes the adapter in a folder after validating it on the base, as the engine would. Uses a separate thread.
 * @throws GraftError what is wrong with the folder
 */
export async function describeAdapter(dir: string, base: Base): Promise<AdapterDescription> {
  const loader = openLoader({ base })
  try {
    return await loader.read(dir, async ({ description }) => description)
  } finally {
    await loader.close()
  }
}

const threadExitedError = () => new Error('the thread that loads adapters has exited')

function startThread(data: LoaderData, notify: (notice: LoaderNotice) => void): Thread {
  const worker = new Worker(entryFile('serving/loader-thread'), { workerData: data })
  const pending: { resolve(adapter?: ReadAdapter): void; reject(error: unknown): void }[] = []
  const rejectAll = (error: unknown) => {
    for (const { reject } of pending.splice(0)) reject(error)
  }
  worker.on('error', rejectAll)
  worker.on('message', (answer: LoaderAnswer | LoaderNotice) => {
    if ('method' in answer) return notify(answer)
    const request = pending.shift()
    if ('error' in answer) request?.reject(fromPlain(answer.error))
    else request?.resolve(answer.adapter)
  })
  const exited = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      rejectAll(threadExitedError())
      resolve()
    })
  })
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        pending.push({ resolve, reject })
        worker.postMessage(request)
      }),
    exited,
  }
}

/** Reads adapters on this thread, which is ready sooner than another one. */
export function startHere(data: LoaderData, notify: (notice: LoaderNotice) => void): Thread {
  const answerTo = makeAdapterReader(data, notify)
  const exited = Promise.withResolvers<void>()
  return {
    async send(request) {
      if (request.kind === 'close') exited.resolve()
      const answer = await answerTo(request)
      if ('error' in answer) throw fromPlain(answer.error)
      return answer.adapter
    },
    exited: exited.promise,
  }
}
