import { Worker } from 'node:worker_threads'
import { entryFile } from '../core/entry.ts'
import type { EncodeAnswer, EncodeRequest, TokenizerData } from './tokenizer-thread.ts'

/** Tokenizes on a separate thread, because 256 long texts can take seconds, which would block the event loop. */
export interface TokenizerClient {
  /**
   * Requests take turns, so that a short one does not wait for a long one. `signal` ends a request before its next
   * turn.
   */
  encode(texts: EncodeRequest, signal?: AbortSignal): Promise<EncodeAnswer>
  close(): Promise<void>
}

/**
 * The maximum number of characters in a turn, unless a single text has more. A turn takes about 40 ms if no word is in
 * the tokenizer's cache.
 */
const MAX_TURN_CHARACTERS = 32_768

interface PendingRequest {
  texts: EncodeRequest
  /** The results so far, in the order of the texts. */
  encoded: EncodeAnswer
  signal?: AbortSignal
  resolve(encoded: EncodeAnswer): void
  reject(error: unknown): void
}

export function openTokenizer(data: TokenizerData): TokenizerClient {
  const worker = new Worker(entryFile('serving/tokenizer-thread'), { workerData: data })
  const waiting: PendingRequest[] = []
  let current: PendingRequest | undefined
  let exitError: Error | undefined

  const startNext = () => {
    current = waiting.shift()
    while (current?.signal?.aborted) {
      current.reject(current.signal.reason)
      current = waiting.shift()
    }
    if (current) worker.postMessage(nextTurn(current))
  }
  const failAll = (error: Error) => {
    exitError ??= error
    current?.reject(error)
    for (const { reject } of waiting.splice(0)) reject(error)
  }
  worker.on('error', failAll)
  worker.on('exit', () => failAll(new Error('the tokenizer thread has exited')))
  worker.on('message', (results: EncodeAnswer) => {
    const request = current as PendingRequest
    request.encoded.push(...results)
    if (request.encoded.length === request.texts.length) request.resolve(request.encoded)
    else waiting.push(request)
    startNext()
  })
  return {
    encode: (texts, signal) =>
      new Promise((resolve, reject) => {
        if (exitError) return reject(exitError)
        if (texts.length === 0) return resolve([])
        waiting.push({ texts, encoded: [], signal, resolve, reject })
        if (!current) startNext()
      }),
    // Terminating is safe because the thread runs no native code.
    close: async () => {
      await worker.terminate()
    },
  }
}

/** Returns the texts to tokenize in the next turn. */
function nextTurn({ texts, encoded }: PendingRequest): EncodeRequest {
  let characters = 0
  const rest = texts.slice(encoded.length)
  const end = rest.findIndex(({ text }) => {
    characters += text.length
    return characters > MAX_TURN_CHARACTERS
  })
  return end < 0 ? rest : rest.slice(0, Math.max(1, end))
}
