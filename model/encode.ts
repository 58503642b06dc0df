import { describeValue } from '../core/describe.ts'
import { fail } from '../core/errors.ts'
import type { Model } from './architecture.ts'
import type { Tokenizer } from './tokenizer.ts'
import { findTextProblem, type TextProblem } from './valid-text.ts'

/** The largest limit on the length of a text, in tokens. The memory for attention grows with its square. */
export const MAX_TOKENS = 8192

/** `left` drops the beginning of a text, `right` its end, as in Hugging Face's tokenizers; `middle` keeps both ends. */
export const truncationSides = ['left', 'right', 'middle'] as const

/** How many tokens of a text are kept, and from which side it is truncated. */
export interface Truncation {
  /** Tokens, including those that frame the text; 2 to {@link MAX_TOKENS}. */
  maxTokens: number
  side: (typeof truncationSides)[number]
}

/** A text as token ids. */
export interface EncodedText {
  /** At most `maxTokens` ids, including those that frame the text. */
  ids: Int32Array
  /** Tokens of the whole text, before truncation. */
  tokens: number
  truncated: boolean
}

/**
 * Tokenizes a text, frames it as the model expects, and truncates it.
 * @throws GraftError `text_invalid` if it is not a string, is empty, or has an unpaired surrogate
 */
export function encodeText(
  tokenizer: Tokenizer,
  text: unknown,
  { maxTokens, side }: Truncation,
  { before, after }: Model['frame'],
): EncodedText {
  const body = withoutFrame(tokenizer.encode(requireText(text)), before, after)
  if (body.length === 0)
    throwInvalidText({
      expected: 'characters that the base has tokens for',
      found: `only characters that it drops: ${describeValue(text)}`,
    })
  const tokens = before.length + body.length + after.length
  const room = maxTokens - before.length - after.length
  if (body.length <= room) return { ids: Int32Array.from([...before, ...body, ...after]), tokens, truncated: false }
  const kept = { left: 0, right: room, middle: Math.ceil(room / 2) }[side]
  const ids = new Int32Array(maxTokens)
  ids.set(before)
  ids.set(body.subarray(0, kept), before.length)
  ids.set(body.subarray(body.length - (room - kept)), before.length + kept)
  ids.set(after, maxTokens - after.length)
  return { ids, tokens, truncated: true }
}

/** Removes the frame that a tokenizer may have added. */
function withoutFrame(ids: Int32Array, before: readonly number[], after: readonly number[]): Int32Array {
  const from = before.length > 0 && before.every((id, i) => ids[i] === id) ? before.length : 0
  const to = ids.length - after.length
  return to >= from && after.every((id, i) => ids[to + i] === id) ? ids.subarray(from, to) : ids.subarray(from)
}

function requireText(text: unknown): string {
  const problem = findTextProblem(text)
  if (problem) throwInvalidText(problem)
  return text as string
}

function throwInvalidText(problem: TextProblem): never {
  return fail('text_invalid', { subject: 'the text', ...problem, fix: 'Send the review as plain text.' })
}
