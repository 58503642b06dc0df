import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { encodeText, type Truncation } from '../../model/encode.ts'
import { makeTokenizer } from '../../model/tokenizer.ts'

const json = JSON.parse(readFileSync(`${packageRoot}/base/tokenizer.json`, 'utf8'))
const tokenizer = makeTokenizer(json, {})
const EOS = 1
const FRAME = { before: [], after: [EOS] }
const encode = (text: unknown, maxTokens: number, side: Truncation['side'] = 'left') =>
  encodeText(tokenizer, text, { maxTokens, side }, FRAME)
const words = (ids: Int32Array) => [...ids].map(tokenizer.piece).join(' ')

describe('a text that is longer than the limit', () => {
  test.each([
    ['left', 'was the end </s>'],
    ['right', 'the film the </s>'],
    ['middle', 'the film end </s>'],
  ] as const)('is truncated on its %s, and </s> stays last', (side, kept) => {
    const { ids, tokens, truncated } = encode('the film the story was the end', 4, side)
    expect(words(ids)).toBe(kept)
    expect({ tokens, truncated }).toEqual({ tokens: 8, truncated: true })
  })

  test('is not truncated if it has exactly the limit', () => {
    const { ids, tokens, truncated } = encode('the film', 3)
    expect({ words: words(ids), tokens, truncated }).toEqual({ words: 'the film </s>', tokens: 3, truncated: false })
  })

  test('never has more tokens than the limit after truncation, and its length before is reported', () => {
    const text = fc.array(fc.constantFrom('good', 'bad', 'film', '!', 'café'), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(
        text,
        fc.integer({ min: 2, max: 30 }),
        fc.constantFrom('left', 'right', 'middle'),
        (parts, max, side) => {
          const { ids, tokens, truncated } = encode(parts.join(' '), max, side)
          expect(ids.length).toBe(Math.min(tokens, max))
          expect(ids.at(-1)).toBe(EOS)
          expect(truncated).toBe(tokens > max)
          expect(ids.buffer.byteLength).toBe(4 * ids.length)
        },
      ),
    )
  })
})

test('</s> is added if the tokenizer does not add it', () => {
  const bare = makeTokenizer({ ...json, post_processor: null }, {})
  expect([...encodeText(bare, 'film', { maxTokens: 8, side: 'left' }, FRAME).ids]).toEqual([
    tokenizer.tokenId('film'),
    EOS,
  ])
})

test.each([
  ['a number', 7, 'the number 7'],
  ['null', null, 'null'],
  ['a list', ['a'], 'a list of 1'],
  ['undefined', undefined, 'no text'],
  ['an empty text', '', 'an empty text'],
  ['blanks', ' \n\t\u00a0', 'only white space'],
  ['characters that nobody can see', '\u200b\u200b', 'only characters that nobody can see'],
  ['characters without a token', '\ufffd', 'only characters that it drops: "\ufffd"'],
  ['a lone surrogate', 'so \u{1f600} \ud800 good', 'half of a surrogate pair at character 6'],
])('%s is not a valid text', (_, text, found) => {
  expect(() => encode(text, 8)).toThrowError(expect.objectContaining({ code: 'text_invalid' }))
  expect(() => encode(text, 8)).toThrowError(`found ${found}.`)
})
