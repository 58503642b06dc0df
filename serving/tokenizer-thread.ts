import { parentPort, workerData } from 'node:worker_threads'
import { type PlainError, toPlain } from '../core/errors.ts'
import type { Model } from '../model/architecture.ts'
import { type EncodedText, encodeText, type Truncation } from '../model/encode.ts'
import { makeTokenizer } from '../model/tokenizer.ts'

/** A tokenizer's files, and the token ids that enclose every text. */
export interface TokenizerData {
  json: object
  config: object
  frame: Model['frame']
}

export type EncodeRequest = readonly { text: string; truncation: Truncation }[]

/** In the order of the texts. */
export type EncodeAnswer = (EncodedText | { error: PlainError })[]

const port = parentPort
if (!port) throw new Error('serving/tokenizer-thread must run as a worker thread')
const { json, config, frame } = workerData as TokenizerData
const tokenizer = makeTokenizer(json, config)

port.on('message', (texts: EncodeRequest) => {
  const encoded = texts.map(({ text, truncation }) => {
    try {
      return encodeText(tokenizer, text, truncation, frame)
    } catch (error) {
      return { error: toPlain(error) }
    }
  })
  port.postMessage(encoded satisfies EncodeAnswer)
})
