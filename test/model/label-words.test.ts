import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { labelTokens } from '../../model/label-words.ts'
import { makeTokenizer } from '../../model/tokenizer.ts'

const tokenizer = makeTokenizer(JSON.parse(readFileSync(`${packageRoot}/base/tokenizer.json`, 'utf8')), {})
const of = (words: Record<string, string>) => labelTokens(words, tokenizer)

test('labels stand in alphabetical order, each with the token of its word', () => {
  expect(of({ positive: 'excellent', negative: 'worst', mixed: 'fine' })).toEqual({
    labels: ['mixed', 'negative', 'positive'],
    tokens: ['fine', 'worst', 'excellent'].map(tokenizer.tokenId),
    words: { positive: 'excellent', negative: 'worst', mixed: 'fine' },
  })
})

test.each([
  [
    'of several tokens',
    { a: 'worst', b: 'unputdownable' },
    /the word of b: expected a word that is one token of the base, but found "unputdownable", which is \d+: un.* ##/,
  ],
  [
    'of several words',
    { a: 'worst', b: 'very good' },
    /one token of the base, but found "very good", which is 2: very good\. Choose/,
  ],
  [
    'that the base does not know',
    { a: 'worst', b: '映' },
    /the word of b: expected a word that the base knows, but found "映", which it does not/,
  ],
  ['that is empty', { a: 'worst', b: ' ' }, /the word of b: expected a word, but found " ", which has no token/],
  [
    'of another label',
    { a: 'worst', b: 'Worst' },
    /the word of b: expected a word of its own, but found "Worst", the token of a, too/,
  ],
  ['alone', { a: 'worst' }, /the labels: expected two labels or more, but found a alone/],
  ['for no label', {}, /the labels: expected two labels or more, but found none/],
])('a word %s is refused', (_, words, message) => {
  expect(() => of(words as Record<string, string>)).toThrowError(expect.objectContaining({ code: 'label_words' }))
  expect(() => of(words as Record<string, string>)).toThrowError(message)
})
