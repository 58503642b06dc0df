import { Tokenizer as Library } from '@huggingface/tokenizers'
import { fail } from '../core/errors.ts'
import { finish } from '../core/finish.ts'

/** The tokenizer of a base. */
export interface Tokenizer {
  /**
   * Returns the ids of a text, with the tokens that the tokenizer adds to it (T5: `</s>` at the end), as Hugging Face's
   * tokenizers compute them. Takes any string, in time linear in its length. Unpaired surrogates are read as U+FFFD.
   * Two kinds of text get different ids than in Hugging Face's: words of more than {@link MAX_PIECE_LENGTH} characters,
   * which are split, and letters with more than 30 combining marks.
   */
  encode(text: string): Int32Array
  /** Does the same as `encode` in short steps: each covers at most {@link MAX_PIECE_LENGTH} characters. */
  encodeInSteps(text: string): Generator<void, Int32Array>
  /**
   * Yields parts of a text in their order. The ids of a text are those of its parts, between those of `frame`. Each
   * part has at most {@link MAX_PIECE_LENGTH} characters.
   */
  parts(text: string): Generator<TextPart>
  /** The ids that the tokenizer adds before and after every text. */
  readonly frame: { readonly before: readonly number[]; readonly after: readonly number[] }
  /** Returns the ids of a word, without the tokens that frame a text. */
  wordIds(word: string): number[]
  /** Returns the id of a piece of the vocabulary, spelled exactly as in the vocabulary. */
  tokenId(piece: string): number | undefined
  /** Returns the piece of the vocabulary with this id. */
  piece(id: number): string | undefined
  /** The id of unknown characters. */
  readonly unknownId: number | undefined
  /**
   * Returns the share of tokens that stand for unknown characters. Tokens without a letter or a digit, such as commas,
   * do not count.
   */
  unknownShare(ids: Int32Array): number
}

/** A part of a text. */
export interface TextPart {
  /** Its offset in the text, in UTF-16 code units. */
  readonly start: number
  readonly text: string
  readonly ids: readonly number[]
}

// The limit is longer than any word, and short enough that quadratic work on a piece does not matter.
const MAX_PIECE_LENGTH = 2048

// The limits of the cache of words. The cached words cover 98 % of those in IMDB's reviews; a million rare words would
// only cost memory.
const MAX_CACHED_WORDS = 50_000
const MAX_CACHED_LENGTH = 24

/** Tokenizers by the content of `tokenizer.json`: reading its vocabulary takes a while. */
const made = new WeakMap<object, { config: object; tokenizer: Tokenizer }>()

/**
 * Creates a tokenizer from its files, or returns the one that was created from the same objects.
 * @param json `tokenizer.json`
 * @param config `tokenizer_config.json`
 * @throws GraftError `base_incomplete` if the file does not describe a tokenizer
 */
export function makeTokenizer(json: object, config: object): Tokenizer {
  const known = made.get(json)
  if (known?.config === config) return known.tokenizer
  const tokenizer = createTokenizer(json, config)
  made.set(json, { config, tokenizer })
  return tokenizer
}

function createTokenizer(json: object, config: object): Tokenizer {
  const library = openLibrary(json, config)
  const { bert, precompiled, words, specials } = findTraits(json)
  const frame = findFrame(library)
  const { unk_token_id: unknownId, fuse_unk: fuses } = library.model
  // The library joins unknown characters in quadratic time, so this code does it instead.
  library.model.fuse_unk = false
  const cache = new Map<string, readonly number[]>()

  const encodeBare = (text: string) => {
    const joined = precompiled ? text.replaceAll(JOINER, KEPT_FORMAT_CHARACTER) : text
    const safe = joined.toWellFormed().replace(MARKS, '$1')
    const { ids } = library.encode(bert ? safe.replace(IDEOGRAPHS, ' $& ') : safe, { add_special_tokens: false })
    return fuses ? ids.filter((id, i) => id !== unknownId || ids[i - 1] !== unknownId) : ids
  }
  const pieceIds = (piece: string): readonly number[] => {
    const cached = cache.get(piece)
    if (cached) return cached
    const ids = encodeBare(piece)
    if (piece.length <= MAX_CACHED_LENGTH && cache.size < MAX_CACHED_WORDS) cache.set(piece, ids)
    return ids
  }
  const split = (section: string): readonly string[] => {
    const pattern = specials.some((piece) => section.includes(piece)) ? SPACED : words
    return pattern === undefined ? [section] : (section.match(pattern) ?? [])
  }

  function* encodeInSteps(text: string): Generator<void, Int32Array> {
    const ids: number[] = [...frame.before]
    for (const section of splitIntoSections(text)) {
      // ids.push(...pieceIds) would fail: a long piece has more ids than a call can have arguments.
      for (const piece of split(section)) for (const id of pieceIds(piece)) ids.push(id)
      yield
    }
    for (const id of frame.after) ids.push(id)
    return Int32Array.from(ids)
  }

  function* parts(text: string): Generator<TextPart> {
    let at = 0
    for (const section of splitIntoSections(text)) {
      const end = at + section.length
      for (const piece of split(section)) {
        // The characters before a piece cannot begin it, so the first match is the piece itself.
        const start = text.indexOf(piece, at)
        yield { start, text: piece, ids: pieceIds(piece) }
        at = start + piece.length
      }
      at = end
    }
  }

  /** True for tokens that have a letter or a digit. Tokens enter when they are first met. */
  const isWord = new Map<number, boolean>()
  const hasWord = (id: number): boolean => {
    const known = isWord.get(id) ?? WORD_CHARACTER.test(library.id_to_token(id) ?? '')
    isWord.set(id, known)
    return known
  }

  return {
    encode: (text) => finish(encodeInSteps(text)),
    encodeInSteps,
    parts,
    frame,
    wordIds: (word) => encodeBare(word.slice(0, MAX_PIECE_LENGTH)),
    tokenId: (piece) => library.token_to_id(piece),
    piece: (id) => library.id_to_token(id),
    unknownId,
    unknownShare(ids) {
      let [unknown, words] = [0, 0]
      for (const id of ids)
        if (id === unknownId) unknown++
        else if (hasWord(id)) words++
      return unknown === 0 ? 0 : unknown / (unknown + words)
    },
  }
}

const WORD_CHARACTER = /[\p{L}\p{N}]/u

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
  pattern?: { Regex?: string }
  behavior?: string
}

/** The parts of the library that are used here. Its own types do not resolve under `nodenext`. */
interface HuggingFaceTokenizer {
  encode(text: string, options?: { add_special_tokens: boolean }): { ids: number[] }
  token_to_id(piece: string): number | undefined
  id_to_token(id: number): string | undefined
  model: { unk_token_id?: number; fuse_unk: boolean }
}

/** Returns a `tokenizer.json` with the parts that it may leave out, but that the library requires. */
export const withEveryPart = (json: object): object => ({
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  added_tokens: [],
  ...json,
})

function openLibrary(json: object, config: object): HuggingFaceTokenizer {
  try {
    return new Library(withEveryPart(json), config)
  } catch (error) {
    return fail(
      'base_incomplete',
      {
        subject: 'tokenizer.json',
        problem: `is not a fast tokenizer of Hugging Face: ${error instanceof Error ? error.message : String(error)}`,
        fix: 'Save it again: AutoTokenizer.from_pretrained(...).save_pretrained(...) in transformers.',
      },
      error,
    )
  }
}

/** Returns the ids that the tokenizer puts before and after every text. */
function findFrame(library: HuggingFaceTokenizer): { before: readonly number[]; after: readonly number[] } {
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
  /** True for the normalizer of SentencePiece. */
  precompiled?: boolean
  /** Matches parts of a text whose ids, in order, are the ids of the text, so that ids of known parts can be cached. */
  words?: RegExp
  /**
   * Pieces that the tokenizer finds before it splits a text. It also finds them in a part between two spaces, so a text
   * that contains one can still be split at spaces.
   */
  specials: readonly string[]
}

// The patterns split only at characters that every tokenizer treats as a space or as separate punctuation. The library
// handles all others.
const SPACED = /[^ \t\r\n]+/g
const WHITESPACE_SPLIT = /[^ \t\r\n\x85]+/g
const AT_SPACES = /[^ ]+/g
const PUNCTUATED = /[^ \t\r\n!-/:-@[-`{-~]+|[!-/:-@[-`{-~]/g
const SPACE_LED = / *[^ ]+| +$/g

function findTraits({ normalizer, pre_tokenizer, added_tokens = [] }: TokenizerJson): Traits {
  const normalizers = (normalizer?.normalizers ?? [normalizer]).map((part) => part?.type)
  const splitters = pre_tokenizer?.pretokenizers ?? [pre_tokenizer]
  const all = added_tokens.map(({ content }) => content)
  const bert = normalizers.includes('BertNormalizer')
  const precompiled = normalizers.includes('Precompiled')
  const local =
    normalizers.every((type) => !type || LOCAL_NORMALIZERS.has(type)) &&
    splitters.every((part) => part?.prepend_scheme !== 'first') &&
    !all.some((piece) => /\s/.test(piece))
  const known = { bert, precompiled, specials: [] }
  if (!local) return known
  switch (splitters[0]?.type) {
    case 'BertPreTokenizer':
      return bert && normalizers.length === 1
        ? { ...known, words: PUNCTUATED, specials: all }
        : { ...known, words: SPACED }
    case 'WhitespaceSplit':
      return { ...known, words: WHITESPACE_SPLIT }
    case 'Split':
      return isSplitAtSpaces(splitters[0]) ? { ...known, words: AT_SPACES } : known
    case 'Metaspace':
      return { ...known, words: splitters[0].split === false ? undefined : SPACE_LED }
    default:
      return known
  }
}

const isSplitAtSpaces = ({ pattern, behavior }: Part): boolean => pattern?.Regex === ' +' && behavior === 'Removed'

/** Yields a text in sections of bounded length, split before a space if there is one. */
function* splitIntoSections(text: string): Generator<string> {
  let start = 0
  while (text.length - start > MAX_PIECE_LENGTH) {
    const section = text.slice(start, start + MAX_PIECE_LENGTH)
    const space = Math.max(...[' ', '\n', '\t'].map((character) => section.lastIndexOf(character)))
    let end = start + (space > 0 ? space : MAX_PIECE_LENGTH)
    if (isLowSurrogate(text.charCodeAt(end)) && isHighSurrogate(text.charCodeAt(end - 1))) end--
    yield text.slice(start, end)
    start = end
  }
  if (start < text.length) yield text.slice(start)
}

const isHighSurrogate = (unit: number) => unit >= 0xd800 && unit < 0xdc00
const isLowSurrogate = (unit: number) => unit >= 0xdc00 && unit < 0xe000

// ICU normalizes a run of combining marks in quadratic time: minutes for a megabyte. No script puts 31 of them on a
// letter (UAX #15, stream-safe text). Characters that a normalizer removes first may stand between them.
const MARK = String.raw`\p{M}[\p{Cc}\p{Cf}\p{Co}\ufffd]*`
const MARKS = new RegExp(`((?:${MARK}){30})(?:${MARK})+`, 'gu')

// SentencePiece keeps the joiner in emoji, which the library turns into a space. A vocabulary knows neither of these.
const JOINER = '\u200d'
const KEPT_FORMAT_CHARACTER = '\ufff9'

// The library's BertNormalizer misses ideographs beyond U+FFFF, which it should separate like all others.
const IDEOGRAPHS = /[\u{20000}-\u{2a6df}\u{2a700}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu
