import { Worker } from 'node:worker_threads'
import { entryFile } from '../core/entry.ts'
import type {
  EncodedTexts,
  TextToEncode,
  TokenizerAnswer,
  TokenizerData,
  TokenizerRequest,
} from './tokenizer-thread.ts'

/** Tokenizes on a separate thread, because 256 long texts can take seconds, which would block the event loop. */
export interface TokenizerClient {
  /**
   * Clients take turns of a few milliseconds, and so do the requests of a client.
   * @param signal ends the request
   */
  encode(texts: readonly TextToEncode[], client: string, signal?: AbortSignal): Promise<EncodedTexts>
  close(): Promise<void>
}

export function openTokenizer(data: TokenizerData): TokenizerClient {
  const worker = new Worker(entryFile('serving/tokenizer-thread'), { workerData: data })
  const pending = new Map<number, PromiseWithResolvers<EncodedTexts>>()
  let requests = 0
  let exitError: Error | undefined

  const send = (request: TokenizerRequest) => worker.postMessage(request)
  const failAll = (error: Error) => {
    exitError ??= error
    for (const { reject } of pending.values()) reject(error)
    pending.clear()
  }
  worker.on('error', failAll)
  worker.on('exit', () => failAll(new Error('the tokenizer thread has exited')))
  worker.on('message', ({ id, encoded }: TokenizerAnswer) => {
    pending.get(id)?.resolve(encoded)
    pending.delete(id)
  })
  return {
    async encode(texts, client, signal) {
      if (exitError) throw exitError
      signal?.throwIfAborted()
      if (texts.length === 0) return []
      const id = requests++
      const settlers = Promise.withResolvers<EncodedTexts>()
      pending.set(id, settlers)
      const onAbort = () => {
        pending.delete(id)
        send({ kind: 'cancel', id })
        settlers.reject(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      send({ kind: 'encode', id, client, texts })
      return settlers.promise.finally(() => signal?.removeEventListener('abort', onAbort))
    },
    // Terminating is safe because the thread runs no native code.
    close: async () => {
      await worker.terminate()
    },
  }
}
