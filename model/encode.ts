import { describeValue } from '../core/describe.ts'
import { fail } from '../core/errors.ts'
import { finish } from '../core/finish.ts'
import type { Model } from './architecture.ts'
import { withoutHtmlBreaks } from './html-breaks.ts'
import { FRAME, type LocatedWords, locateWords } from './locate-words.ts'
import type { Tokenizer } from './tokenizer.ts'
import { findTextProblem, type TextProblem } from './valid-text.ts'

/** The smallest limit on the length of a text, in tokens: one of the text and the one that ends it. */
export const MIN_TOKENS = 2
/** The largest limit on the length of a text, in tokens. The memory for attention grows with its square. */
export const MAX_TOKENS = 8192

/** `left` drops the beginning of a text, `right` its end, as in Hugging Face's tokenizers; `middle` keeps both ends. */
export const truncationSides = ['left', 'right', 'middle'] as const

/** How many tokens of a text are kept, and from which side it is truncated. */
export interface Truncation {
  /** Tokens, including those that frame the text; {@link MIN_TOKENS} to {@link MAX_TOKENS}. */
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
  /** The share of the whole text's tokens that stand for characters that the base does not know. */
  unknownShare: number
  /** The words of the text from which tokens are kept, if they were requested. */
  located?: LocatedWords
}

/** From this share of unknown tokens on, most of a text is unknown to the base. */
export const MOSTLY_UNKNOWN_SHARE = 0.5

/**
 * Tokenizes a text, frames it as the model expects, and truncates it. HTML's line breaks count as spaces.
 * @throws GraftError `text_invalid` if it is not a string, is empty, or has an unpaired surrogate
 */
export function encodeText(
  tokenizer: Tokenizer,
  text: unknown,
  truncation: Truncation,
  frame: Model['frame'],
): EncodedText {
  return finish(encodeTextInSteps(tokenizer, text, frame))(truncation)
}

/**
 * Tokenizes a text as {@link encodeText} does, in short steps.
 * @param locates whether to find the words of the text as well
 * @returns a function that frames the text and truncates it
 */
export function* encodeTextInSteps(
  tokenizer: Tokenizer,
  text: unknown,
  frame: Model['frame'],
  locates = false,
): Generator<void, (truncation: Truncation) => EncodedText> {
  const ids = yield* tokenizer.encodeInSteps(requireText(text))
  const [from, to] = findBody(ids, frame.before, frame.after)
  const body = ids.subarray(from, to)
  if (body.length === 0)
    throwInvalidText({
      expected: 'characters that the base has tokens for',
      found: `only characters that it drops: ${describeValue(text)}`,
    })
  const unknownShare = tokenizer.unknownShare(body)
  if (!locates) return (truncation) => ({ ...truncate(body, truncation, frame), unknownShare })
  const { words, wordOf } = yield* locateWords(tokenizer, text as string)
  const marks = { before: frame.before.map(() => FRAME), after: frame.after.map(() => FRAME) }
  return (truncation) => ({
    ...truncate(body, truncation, frame),
    unknownShare,
    located: dropUnread(words, truncate(wordOf.subarray(from, to), truncation, marks).ids),
  })
}

/** Returns the words that have tokens, and the word of each token as an index of these. */
function dropUnread(words: LocatedWords['words'], wordOf: Int32Array): LocatedWords {
  const read = [...new Set(wordOf)].filter((word) => word >= 0)
  const indices = new Map(read.map((word, i) => [word, i]))
  return { words: read.map((word) => words[word]), wordOf: wordOf.map((word) => indices.get(word) ?? word) }
}

function truncate(
  body: Int32Array,
  { maxTokens, side }: Truncation,
  { before, after }: Model['frame'],
): Omit<EncodedText, 'unknownShare'> {
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

/** Returns where the ids of a text start and end, without the frame that a tokenizer may have added. */
function findBody(ids: Int32Array, before: readonly number[], after: readonly number[]): [from: number, to: number] {
  const from = before.length > 0 && before.every((id, i) => ids[i] === id) ? before.length : 0
  const to = ids.length - after.length
  return to >= from && after.every((id, i) => ids[to + i] === id) ? [from, to] : [from, ids.length]
}

/** @throws GraftError `text_invalid` */
function requireText(text: unknown): string {
  const problem = findTextProblem(text)
  if (problem) throwInvalidText(problem)
  return withoutHtmlBreaks(text as string)
}

function throwInvalidText(problem: TextProblem): never {
  return fail('text_invalid', { subject: 'the text', ...problem, fix: 'Send the review as plain text.' })
}
