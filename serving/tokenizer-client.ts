import { Worker } from 'node:worker_threads'
import { entryFile } from '../core/entry.ts'
import type { EncodeAnswer, EncodeRequest, TokenizerData } from './tokenizer-thread.ts'

/** Tokenises on a thread: 256 long texts take seconds at worst, in which an event loop would answer nobody. */
export interface TokenizerClient {
  /** Requests take turns, so that a short one does not wait for a long one. One that `signal` aborts is not read to its end. */
  encode(texts: EncodeRequest, signal?: AbortSignal): Promise<EncodeAnswer>
  close(): Promise<void>
}

/** Characters of a turn, unless one text has more: some 40 ms of words that are in no cache. */
const TURN = 32_768

interface Reading {
  texts: EncodeRequest
  /** Those read so far. */
  rows: EncodeAnswer
  signal?: AbortSignal
  resolve(rows: EncodeAnswer): void
  reject(error: unknown): void
}

export function openTokenizer(data: TokenizerData): TokenizerClient {
  const worker = new Worker(entryFile('serving/tokenizer-thread'), { workerData: data })
  const waiting: Reading[] = []
  let current: Reading | undefined
  let ended: Error | undefined

  const next = () => {
    current = waiting.shift()
    while (current?.signal?.aborted) {
      current.reject(current.signal.reason)
      current = waiting.shift()
    }
    if (current) worker.postMessage(turnOf(current))
  }
  const fail = (error: Error) => {
    ended ??= error
    current?.reject(error)
    for (const { reject } of waiting.splice(0)) reject(error)
  }
  worker.on('error', fail)
  worker.on('exit', () => fail(new Error('the tokenizer has ended')))
  worker.on('message', (rows: EncodeAnswer) => {
    const reading = current as Reading
    reading.rows.push(...rows)
    if (reading.rows.length === reading.texts.length) reading.resolve(reading.rows)
    else waiting.push(reading)
    next()
  })
  return {
    encode: (texts, signal) =>
      new Promise((resolve, reject) => {
        if (ended) return reject(ended)
        if (texts.length === 0) return resolve([])
        waiting.push({ texts, rows: [], signal, resolve, reject })
        if (!current) next()
      }),
    // It runs no native code, which alone must not be stopped within.
    close: async () => {
      await worker.terminate()
    },
  }
}

/** The texts that are read next. */
function turnOf({ texts, rows }: Reading): EncodeRequest {
  let characters = 0
  const rest = texts.slice(rows.length)
  const end = rest.findIndex(({ text }) => {
    characters += text.length
    return characters > TURN
  })
  return end < 0 ? rest : rest.slice(0, Math.max(1, end))
}
