import { offsetsWithBreaks, withoutHtmlBreaks } from './html-breaks.ts'
import type { TextPart, Tokenizer } from './tokenizer.ts'

/** A range of a text, in UTF-16 code units. `end` is the offset after it. */
interface Span {
  readonly start: number
  readonly end: number
}

/** The words of a text, and the one to which each token belongs. */
export interface LocatedWords {
  /** In their order; no two overlap. */
  readonly words: readonly Span[]
  /** The index of each token's word, or {@link NO_WORD} or {@link FRAME}. */
  readonly wordOf: Int32Array
}

/** Marks a token that stands for nothing visible in the text. */
export const NO_WORD = -1
/** Marks a token that frames every text. */
export const FRAME = -2

/** After this many parts of a text, a step ends. */
const PARTS_OF_STEP = 256

let segmenter: Intl.Segmenter | undefined

/**
 * Divides a text by the rules of Unicode for words (UAX #29), which also divide texts without spaces. The tables are
 * read on the first call, because that takes a while.
 */
function segmentWords(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'word' })
  return segmenter.segment(text)
}

/**
 * Finds the words of a text and assigns each of its tokens to one, in short steps. Words are those of Unicode; a run of
 * the same punctuation mark or emoji is a word as well. Where one token covers several words, or the tokens of a part
 * cannot be found in the text, these words count as one.
 * @param text a valid text, with HTML's line breaks
 */
export function* locateWords(tokenizer: Tokenizer, text: string): Generator<void, LocatedWords> {
  const read = withoutHtmlBreaks(text)
  const segments = yield* findSegments(read)
  const { before, after } = tokenizer.frame
  const wordOf: number[] = before.map(() => NO_WORD)
  const words: { start: number; end: number }[] = []
  let next = 0
  /** Returns the index of the word that covers a span. Spans must come in their order. */
  const assign = ({ start, end }: Span): number => {
    while (next < segments.length && segments[next].end <= start) next++
    const first = segments[next]
    if (!first || first.start >= end) return NO_WORD
    let last = next
    while (last + 1 < segments.length && segments[last + 1].start < end) last++
    const word = words.at(-1)
    if (word && word.end > first.start) word.end = Math.max(word.end, segments[last].end)
    else words.push({ start: first.start, end: segments[last].end })
    return words.length - 1
  }
  let parts = 0
  for (const part of tokenizer.parts(read)) {
    for (const span of locateTokens(tokenizer, part)) wordOf.push(assign(span))
    if (++parts % PARTS_OF_STEP === 0) yield
  }
  for (const _ of after) wordOf.push(NO_WORD)
  const offsets = offsetsWithBreaks(text)
  const spans = offsets ? words.map(({ start, end }) => ({ start: offsets[start], end: offsets[end - 1] + 1 })) : words
  return { words: spans, wordOf: Int32Array.from(wordOf) }
}

/** Returns the words and other visible parts of a text. */
function* findSegments(text: string): Generator<void, Span[]> {
  const segments: { start: number; end: number }[] = []
  let last: string | undefined
  let parts = 0
  for (const { segment, index, isWordLike } of segmentWords(text)) {
    const previous = segments.at(-1)
    if (!isWordLike && segment === last && previous?.end === index) previous.end += segment.length
    else if (segment.trim() !== '')
      segments.push({ start: index + segment.search(/\S/), end: index + segment.trimEnd().length })
    last = segment
    if (++parts % PARTS_OF_STEP === 0) yield
  }
  return segments
}

/**
 * Returns the span of each token of a part. They are exact if the tokens spell the part, but for case and white space.
 * Otherwise, as with characters that the tokenizer rewrites or does not know, each token has the span of the part.
 */
function locateTokens(tokenizer: Tokenizer, { start, text, ids }: TextPart): Span[] {
  const whole = { start, end: start + text.length }
  const spans: Span[] = []
  let at = 0
  for (const id of ids) {
    const piece = (tokenizer.piece(id) ?? '').replace(CONTINUATION, '').replaceAll(SPACE_MARK, '')
    while (at < text.length && isSpace(text[at])) at++
    const found = text.slice(at, at + piece.length)
    if (found !== piece && found.toLowerCase() !== piece) return ids.map(() => whole)
    // A token that only marks a space belongs to the word that follows.
    spans.push({ start: start + at, end: start + at + Math.max(1, piece.length) })
    at += piece.length
  }
  return text.slice(at).trim() === '' ? spans : ids.map(() => whole)
}

const isSpace = (character: string): boolean => character.trim() === ''

/** Marks a token of WordPiece that continues a word. */
const CONTINUATION = /^##(?=.)/
/** The space of SentencePiece. */
const SPACE_MARK = '\u2581'
