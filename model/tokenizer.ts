import { Tokenizer as Library } from '@huggingface/tokenizers'
import { fail } from '../core/errors.ts'

/** A base's own tokenizer. */
export interface Tokenizer {
  /**
   * The ids of a text and of what the tokenizer adds to it (T5: `</s>` at the end), as Hugging Face's tokenizers give them.
   * Takes any string in time linear in its length. Lone surrogates are read as U+FFFD. Two kinds of text get other ids
   * than there: words of more than {@link LONGEST_PIECE} characters, which are cut, and more than 30 accents on a letter.
   */
  encode(text: string): Int32Array
  /** The ids of a word alone, without `</s>`. */
  wordIds(word: string): number[]
  /** The id of a piece of the vocabulary, spelt as it stands there. */
  tokenId(piece: string): number | undefined
  /** The piece of the vocabulary that has this id. */
  piece(id: number): string | undefined
  /** What unknown characters are read as. */
  readonly unknownId: number | undefined
}

// Long enough for any word, short enough that nothing which is quadratic in it matters.
const LONGEST_PIECE = 2048

// 98 % of the words of IMDB's reviews are met among these; a million rare ones would only cost memory.
const CACHED_WORDS = 50_000
const CACHED_LENGTH = 24

/**
 * @param json `tokenizer.json`
 * @param config `tokenizer_config.json`
 * @throws GraftError `base_incomplete` for a file that is no tokenizer
 */
export function makeTokenizer(json: object, config: object): Tokenizer {
  const library = open(json, config)
  const { bert, words, specials } = traits(json)
  const frame = frameOf(library)
  const { unk_token_id: unknownId, fuse_unk: fuses } = library.model
  // The library's own joining of unknown characters takes quadratic time.
  library.model.fuse_unk = false
  const known = new Map<string, readonly number[]>()

  const bare = (text: string) => {
    const tame = text.toWellFormed().replace(MARKS, '$1')
    const { ids } = library.encode(bert ? tame.replace(IDEOGRAPHS, ' $& ') : tame, { add_special_tokens: false })
    return fuses ? ids.filter((id, i) => id !== unknownId || ids[i - 1] !== unknownId) : ids
  }
  const pieceIds = (piece: string): readonly number[] => {
    const found = known.get(piece)
    if (found) return found
    const ids = bare(piece)
    if (piece.length <= CACHED_LENGTH && known.size < CACHED_WORDS) known.set(piece, ids)
    return ids
  }
  const split = (section: string): readonly string[] => {
    const pattern = specials.some((piece) => section.includes(piece)) ? SPACED : words
    return pattern === undefined ? [section] : (section.match(pattern) ?? [])
  }

  return {
    encode(text) {
      const ids: number[] = [...frame.before]
      // No ids.push(...pieceIds): a long piece has more ids than a call may have arguments.
      for (const section of sections(text))
        for (const piece of split(section)) for (const id of pieceIds(piece)) ids.push(id)
      for (const id of frame.after) ids.push(id)
      return Int32Array.from(ids)
    },
    wordIds: (word) => bare(word.slice(0, LONGEST_PIECE)),
    tokenId: (piece) => library.token_to_id(piece),
    piece: (id) => library.id_to_token(id),
    unknownId,
  }
}

interface TokenizerJson {
  normalizer?: Part | null
  pre_tokenizer?: Part | null
  added_tokens?: readonly { content: string }[]
}

interface Part {
  type?: string
  normalizers?: readonly (Part | null)[]
  pretokenizers?: readonly (Part | null)[]
  prepend_scheme?: string
  split?: boolean
}

/** What is used of the library, whose own types do not resolve under `nodenext`. */
interface Hf {
  encode(text: string, options?: { add_special_tokens: boolean }): { ids: number[] }
  token_to_id(piece: string): number | undefined
  id_to_token(id: number): string | undefined
  model: { unk_token_id?: number; fuse_unk: boolean }
}

function open(json: object, config: object): Hf {
  try {
    return new Library(
      { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, added_tokens: [], ...json },
      config,
    )
  } catch (error) {
    return fail(
      'base_incomplete',
      {
        subject: 'tokenizer.json',
        expected: "the file of a fast tokenizer, as Hugging Face's tokenizers save it",
        found: error instanceof Error ? error.message : String(error),
        fix: 'Save it again: AutoTokenizer.from_pretrained(...).save_pretrained(...) in transformers.',
      },
      error,
    )
  }
}

/** What the tokenizer puts around every text. */
function frameOf(library: Hf): { before: readonly number[]; after: readonly number[] } {
  const bare = library.encode('a', { add_special_tokens: false }).ids
  const framed = library.encode('a').ids
  const at = framed.findIndex((_, start) => bare.every((id, i) => framed[start + i] === id))
  return { before: framed.slice(0, at), after: framed.slice(at + bare.length) }
}

const LOCAL_NORMALIZERS = new Set([
  'BertNormalizer',
  'Precompiled',
  'NFC',
  'NFD',
  'NFKC',
  'NFKD',
  'Lowercase',
  'StripAccents',
])

interface Traits {
  bert: boolean
  /** Parts of a text whose ids, one after the other, are those of the text: parts that were met before cost nothing. */
  words?: RegExp
  /** Pieces that are found before a text is split; between spaces they are found as well. */
  specials: readonly string[]
}

// Only what every tokenizer takes for a space or a mark of its own; the rest is left to the library.
const SPACED = /[^ \t\r\n]+/g
const WHITESPACE_SPLIT = /[^ \t\r\n\x85]+/g
const PUNCTUATED = /[^ \t\r\n!-/:-@[-`{-~]+|[!-/:-@[-`{-~]/g
const SPACE_LED = / *[^ ]+| +$/g

function traits({ normalizer, pre_tokenizer, added_tokens = [] }: TokenizerJson): Traits {
  const normalizers = (normalizer?.normalizers ?? [normalizer]).map((part) => part?.type)
  const splitters = pre_tokenizer?.pretokenizers ?? [pre_tokenizer]
  const all = added_tokens.map(({ content }) => content)
  const bert = normalizers.includes('BertNormalizer')
  const local =
    normalizers.every((type) => !type || LOCAL_NORMALIZERS.has(type)) &&
    splitters.every((part) => part?.prepend_scheme !== 'first') &&
    !all.some((piece) => /\s/.test(piece))
  if (!local) return { bert, specials: [] }
  switch (splitters[0]?.type) {
    case 'BertPreTokenizer':
      return bert && normalizers.length === 1
        ? { bert, words: PUNCTUATED, specials: all }
        : { bert, words: SPACED, specials: [] }
    case 'WhitespaceSplit':
      return { bert, words: WHITESPACE_SPLIT, specials: [] }
    case 'Metaspace':
      return { bert, words: splitters[0].split === false ? undefined : SPACE_LED, specials: [] }
    default:
      return { bert, specials: [] }
  }
}

/** The text in sections of a bounded length, cut before a space where there is one. */
function* sections(text: string): Generator<string> {
  let start = 0
  while (text.length - start > LONGEST_PIECE) {
    const section = text.slice(start, start + LONGEST_PIECE)
    const space = Math.max(...[' ', '\n', '\t'].map((character) => section.lastIndexOf(character)))
    let end = start + (space > 0 ? space : LONGEST_PIECE)
    if (isLowSurrogate(text.charCodeAt(end)) && isHighSurrogate(text.charCodeAt(end - 1))) end--
    yield text.slice(start, end)
    start = end
  }
  if (start < text.length) yield text.slice(start)
}

const isHighSurrogate = (unit: number) => unit >= 0xd800 && unit < 0xdc00
const isLowSurrogate = (unit: number) => unit >= 0xdc00 && unit < 0xe000

// ICU's normalisation takes quadratic time on a run of marks: minutes for a megabyte. No script puts 31 on a letter (UAX #15, stream-safe
// text). Between them may stand characters that a normalizer removes first.
const MARK = String.raw`\p{M}[\p{Cc}\p{Cf}\p{Co}\ufffd]*`
const MARKS = new RegExp(`((?:${MARK}){30})(?:${MARK})+`, 'gu')

// BertNormalizer of the library overlooks the ideographs beyond U+FFFF, which it should let stand alone as all others.
const IDEOGRAPHS = /[\u{20000}-\u{2a6df}\u{2a700}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu
