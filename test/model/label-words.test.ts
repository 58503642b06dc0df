import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { labelTokens } from '../../model/label-words.ts'
import { makeTokenizer } from '../../model/tokenizer.ts'

const tokenizer = makeTokenizer(JSON.parse(readFileSync(`${packageRoot}/base/tokenizer.json`, 'utf8')), {})
const of = (words: Record<string, string>) => labelTokens(words, tokenizer)

test('labels are in alphabetical order, each with the token of its word', () => {
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
    /The word "unputdownable" of the label b is not a single token of the base, but un.* ##/,
  ],
  [
    'of several words',
    { a: 'worst', b: 'very good' },
    /The word "very good" of the label b is not a single token of the base, but very good\. Choose/,
  ],
  [
    'that is not in the vocabulary of the base',
    { a: 'worst', b: '映' },
    /The word "映" of the label b is not in the vocabulary of the base/,
  ],
  ['that is empty', { a: 'worst', b: ' ' }, /The word " " of the label b has no token/],
  [
    'that another label has',
    { a: 'worst', b: 'Worst' },
    /The word "Worst" of the label b has the same token as the word of a/,
  ],
  ['for only one label', { a: 'worst' }, /the labels: expected at least two labels, but found only a/],
  ['for no label', {}, /the labels: expected at least two labels, but found none/],
])('a word %s is rejected', (_, words, message) => {
  expect(() => of(words as Record<string, string>)).toThrowError(expect.objectContaining({ code: 'label_words' }))
  expect(() => of(words as Record<string, string>)).toThrowError(message)
})
