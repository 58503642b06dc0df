import type { PlainError } from '../core/errors.ts'
import { toPlain } from '../core/to-plain.ts'
import type { Model } from '../model/architecture.ts'
import { type EncodedText, encodeTextInSteps, type Truncation } from '../model/encode.ts'
import { makeTokenizer } from '../model/tokenizer.ts'

/** A tokenizer's files, and the token ids that enclose every text. */
export interface TokenizerData {
  json: object
  config: object
  frame: Model['frame']
}

/** A text, and each way in which it is to be truncated. */
export interface TextToEncode {
  text: string
  truncations: readonly Truncation[]
  /** Finds the words of the text as well. Defaults to false. */
  locates?: boolean
}

/** For each text in their order: one result for each truncation, or the error of the text. */
export type EncodedTexts = (EncodedText[] | { error: PlainError })[]

/** How long texts may be encoded before others get their turn. */
export const TURN_MS = 5

/** Makes a function that encodes texts in short steps. */
export function makeTextEncoder({
  json,
  config,
  frame,
}: TokenizerData): (texts: readonly TextToEncode[]) => Generator<void, EncodedTexts> {
  const tokenizer = makeTokenizer(json, config)
  return function* encodeTexts(texts) {
    const encoded: EncodedTexts = []
    for (const { text, truncations, locates } of texts) {
      try {
        encoded.push(truncations.map(yield* encodeTextInSteps(tokenizer, text, frame, locates)))
      } catch (error) {
        encoded.push({ error: toPlain(error) })
      }
    }
    return encoded
  }
}
