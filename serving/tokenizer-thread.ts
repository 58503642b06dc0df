import { parentPort, workerData } from 'node:worker_threads'
import { type PlainError, toPlain } from '../core/errors.ts'
import { type Encoded, encodeReview, type Truncation } from '../model/encode.ts'
import { makeTokenizer } from '../model/tokenizer.ts'

/** A tokenizer's files, and the id that ends every row. */
export interface TokenizerData {
  json: object
  config: object
  eos: number
}

export type EncodeRequest = readonly { text: string; truncation: Truncation }[]

/** In the order of the texts. */
export type EncodeAnswer = (Encoded | { error: PlainError })[]

const port = parentPort
if (!port) throw new Error('serving/tokenizer-thread runs as a thread of an engine')
const { json, config, eos } = workerData as TokenizerData
const tokenizer = makeTokenizer(json, config)

port.on('message', (texts: EncodeRequest) => {
  const rows = texts.map(({ text, truncation }) => {
    try {
      return encodeReview(tokenizer, text, truncation, eos)
    } catch (error) {
      return { error: toPlain(error) }
    }
  })
  port.postMessage(rows satisfies EncodeAnswer)
})
