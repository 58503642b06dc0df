import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { finish } from '../../core/finish.ts'
import { encodeTextInSteps, type Truncation } from '../../model/encode.ts'
import { FRAME, locateWords, NO_WORD } from '../../model/locate-words.ts'
import { makeTokenizer } from '../../model/tokenizer.ts'

const tokenizer = makeTokenizer(JSON.parse(readFileSync(`${packageRoot}/base/tokenizer.json`, 'utf8')), {})

/** A tokenizer of SentencePiece's kind, whose tokens spell the text. */
const sentencePiece = (split: boolean) =>
  makeTokenizer(
    {
      normalizer: null,
      pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split },
      post_processor: null,
      decoder: null,
      added_tokens: [],
      model: {
        type: 'Unigram',
        unk_id: 0,
        vocab: ['<unk>', '▁', '▁a', '▁good', '▁fil', 'm', '!', '.', 'good', 'a'].map((piece, i) => [piece, -i]),
      },
    },
    {},
  )

const wordsOf = (text: string, of = tokenizer) =>
  finish(locateWords(of, text)).words.map(({ start, end }) => text.slice(start, end))

describe('the words of a text', () => {
  test.each([
    ['Words and marks', 'Well-made, but boring!!! Really...', 'Well|-|made|,|but|boring|!!!|Really|...'],
    ['apostrophes stay in their word', "I don't think it's Anna's", "I|don't|think|it's|Anna's"],
    ['line breaks of HTML separate words', 'good<br /><br />film<BR>bad', 'good|film|bad'],
    ['other markup is text', 'a <b>good</b> film', 'a|<|b|>|good|<|/|b|>|film'],
    ['emoji outside the basic plane', 'so 😀😀 good 👍🏽', 'so|😀😀|good|👍🏽'],
    ['letters that the base rewrites', 'A CAFÉ naïve', 'A|CAFÉ|naïve'],
    ['ideographs', 'film 電影 good', 'film|電影|good'],
  ])('%s', (_, text, words) => {
    expect(wordsOf(text).join('|')).toBe(words)
  })

  test.each([true, false])('are those of SentencePiece, with split %s', (split) => {
    const of = sentencePiece(split)
    expect(wordsOf('a good  film! 😀 good.', of)).toEqual(
      // Without a split, the part has an unknown character and counts as one word.
      split ? ['a', 'good', 'film', '!', '😀', 'good', '.'] : ['a good  film! 😀 good.'],
    )
    expect(wordsOf('a good  film! good.', of)).toEqual(['a', 'good', 'film', '!', 'good', '.'])
  })
})

const text = fc
  .array(
    fc.constantFrom(
      'good',
      'film',
      ' ',
      ' ',
      '<br />',
      '<BR/> ',
      '!',
      '😀',
      'é',
      '電影',
      "don't",
      '\u200d',
      '<',
      'x'.repeat(3000),
    ),
    { minLength: 1, maxLength: 40 },
  )
  .map((parts) => parts.join(''))
  .filter((one) => /good|film/.test(one))

describe('of any text', () => {
  test('every token has a word or is one that the tokenizer adds, and words are in order and whole characters', () => {
    fc.assert(
      fc.property(text, (one) => {
        const { words, wordOf } = finish(locateWords(tokenizer, one))
        expect(wordOf).toHaveLength(tokenizer.encode(one.replace(/(?:<\/?br\s*\/?>\s*)+/gi, ' ')).length)
        expect(wordOf.at(-1)).toBe(NO_WORD)
        expect([...wordOf.slice(0, -1)]).toEqual([...wordOf.slice(0, -1)].toSorted((a, b) => a - b))
        let last = 0
        for (const { start, end } of words) {
          expect(start).toBeGreaterThanOrEqual(last)
          expect(end).toBeGreaterThan(start)
          expect(one.slice(start, end).isWellFormed()).toBe(true)
          expect(one.slice(start, end)).not.toMatch(/^\s|\s$/)
          last = end
        }
      }),
    )
  })

  test('the tokens of a word are those that the word has by itself', () => {
    for (const one of ['A joy, from start.', 'boring<br />film 😀', 'unbelievably uncharacteristic CAFÉ'])
      for (const [i, { start, end }] of finish(locateWords(tokenizer, one)).words.entries()) {
        const ids = tokenizer.encode(one.replace('<br />', ' '))
        const { wordOf } = finish(locateWords(tokenizer, one))
        expect([...ids.filter((_, t) => wordOf[t] === i)]).toEqual(tokenizer.wordIds(one.slice(start, end)))
      }
  })
})

test.each<[Truncation['side'], string]>([
  ['left', 'was the end'],
  ['right', 'the film the'],
  ['middle', 'the film end'],
])('a text that is truncated on its %s has only the words that are read', (side, kept) => {
  const whole = 'the film the story was the end'
  const encode = finish(encodeTextInSteps(tokenizer, whole, { before: [], after: [1] }, true))
  const { located, ids } = encode({ maxTokens: 4, side })
  expect(located?.words.map(({ start, end }) => whole.slice(start, end)).join(' ')).toBe(kept)
  expect([...(located?.wordOf ?? [])]).toEqual([0, 1, 2, FRAME])
  expect(ids).toHaveLength(4)
})
