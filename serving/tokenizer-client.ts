import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { entryFile } from '../core/entry.ts'
import { type EncodedTexts, makeTextEncoder, type TextToEncode, type TokenizerData, TURN_MS } from './text-encoder.ts'
import type { TokenizerAnswer, TokenizerRequest } from './tokenizer-thread.ts'

/** Turns texts into token ids. */
export interface TokenizerClient {
  /**
   * Clients take turns of a few milliseconds, and so do the requests of a client.
   * @param signal ends the request
   */
  encode(texts: readonly TextToEncode[], client: string, signal?: AbortSignal): Promise<EncodedTexts>
  close(): Promise<void>
}

/** Tokenizes on a separate thread, because 256 long texts can take seconds, which would block the event loop. */
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

/** Tokenizes on this thread, which is ready at once. Other work gets its turn every few milliseconds. */
export function openTokenizerHere(data: TokenizerData): TokenizerClient {
  const encodeTexts = makeTextEncoder(data)
  return {
    async encode(texts, _client, signal) {
      const steps = encodeTexts(texts)
      for (let end = performance.now() + TURN_MS; ; ) {
        const step = steps.next()
        if (step.done) return step.value
        if (performance.now() < end) continue
        await nextTurn()
        signal?.throwIfAborted()
        end = performance.now() + TURN_MS
      }
    },
    async close() {},
  }
}
