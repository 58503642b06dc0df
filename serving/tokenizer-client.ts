import { Worker } from 'node:worker_threads'
import { entryFile } from '../core/entry.ts'
import type { Cut } from '../model/encode.ts'
import type { EncodeAnswer, EncodeRequest, TokenizerData } from './tokenizer-thread.ts'

/** Tokenises on a thread: 256 long reviews take half a second, in which an event loop would answer nobody. */
export interface TokenizerClient {
  encode(texts: readonly { text: string; cut: Cut }[]): Promise<EncodeAnswer['rows']>
  close(): Promise<void>
}

export function openTokenizer(data: TokenizerData): TokenizerClient {
  const worker = new Worker(entryFile('serving/tokenizer-thread'), { workerData: data })
  const pending = new Map<number, { resolve: (rows: EncodeAnswer['rows']) => void; reject: (error: Error) => void }>()
  let requests = 0
  let ended: Error | undefined
  const fail = (error: Error) => {
    ended ??= error
    for (const { reject } of pending.values()) reject(error)
    pending.clear()
  }
  worker.on('error', fail)
  worker.on('exit', () => fail(new Error('the tokenizer has ended')))
  worker.on('message', ({ id, rows }: EncodeAnswer) => {
    pending.get(id)?.resolve(rows)
    pending.delete(id)
  })
  return {
    encode: (texts) =>
      new Promise((resolve, reject) => {
        if (ended) return reject(ended)
        const id = requests++
        pending.set(id, { resolve, reject })
        worker.postMessage({ id, texts } satisfies EncodeRequest)
      }),
    close: async () => {
      await worker.terminate()
    },
  }
}
