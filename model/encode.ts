import { fail } from '../core/errors.ts'
import type { Tokenizer } from './tokenizer.ts'

/** The longest text that is read, in tokens: the memory that attention takes grows with its square. */
export const MAX_TOKENS = 8192

/** `left` drops the beginning of a text, `right` its end, as in Hugging Face's tokenizers; `middle` keeps both ends. */
export const truncationSides = ['left', 'right', 'middle'] as const

/** How many tokens of a text are kept, and from which side it is truncated. */
export interface Truncation {
  /** Tokens, the one that ends the text included; 2 to {@link MAX_TOKENS}. */
  maxTokens: number
  side: (typeof truncationSides)[number]
}

export interface Encoded {
  /** At most `maxTokens` ids; the last is that of `</s>`. */
  ids: Int32Array
  /** Tokens of the whole text, `</s>` included. */
  tokens: number
  truncated: boolean
}

/**
 * @param eos the id that ends every text
 * @throws GraftError `text_invalid` for what is no string, says nothing, or has a lone surrogate
 */
export function encodeReview(
  tokenizer: Tokenizer,
  text: unknown,
  { maxTokens, side }: Truncation,
  eos: number,
): Encoded {
  const encoded = tokenizer.encode(checkText(text))
  const body = encoded.at(-1) === eos ? encoded.subarray(0, -1) : encoded
  if (body.length === 0)
    invalid('characters that the base reads', `only some that it drops: ${excerpt(text as string)}`)
  const room = maxTokens - 1
  if (body.length <= room) return { ids: Int32Array.from([...body, eos]), tokens: body.length + 1, truncated: false }
  const kept = { left: 0, right: room, middle: Math.ceil(room / 2) }[side]
  const ids = new Int32Array(maxTokens)
  ids.set(body.subarray(0, kept))
  ids.set(body.subarray(body.length - (room - kept)), kept)
  ids[room] = eos
  return { ids, tokens: body.length + 1, truncated: true }
}

function checkText(text: unknown): string {
  if (typeof text !== 'string') return invalid('a string', kindOf(text))
  if (text.trim() === '') invalid('some words', text === '' ? 'an empty text' : 'blanks alone')
  if (!text.isWellFormed()) {
    const at = [...text].findIndex((character) => !character.isWellFormed())
    invalid('whole characters', `half of a surrogate pair, character ${at + 1}`)
  }
  return text
}

const kindOf = (value: unknown): string =>
  value === undefined || value === null
    ? 'nothing'
    : Array.isArray(value)
      ? 'a list'
      : `the ${typeof value} ${String(value)}`

const excerpt = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)

function invalid(expected: string, found: string): never {
  return fail('text_invalid', { subject: 'the text', expected, found, fix: 'Send the review as plain text.' })
}
