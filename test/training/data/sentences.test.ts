import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../../../core/entry.ts'
import { readJsonLines } from '../../json-lines.ts'

const pairs = readJsonLines<{ positive: string; negative: string; kind: string }>(
  join(import.meta.dirname, '../../fixtures/pairs/pairs.jsonl'),
)
const sentences = readJsonLines<{ text: string; label: string; kind: string }>(
  join(packageRoot, 'base/recipe/sentences.jsonl'),
)

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}'’-]+/gu) ?? []
/** Two sentences that differ only in capitals and punctuation are the same. */
const normalised = (text: string): string => wordsOf(text).join(' ')
const repeated = (texts: string[]): string[] => texts.filter((text, i) => texts.indexOf(text) !== i)
const countsOf = (keys: string[]) => {
  const counts: Record<string, number> = {}
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1
  return counts
}

/** Returns the words in which two sentences differ, without the words that both begin and end with. */
function difference(one: string[], other: string[]): [string[], string[]] {
  const shorter = Math.min(one.length, other.length)
  let start = 0
  while (start < shorter && one[start] === other[start]) start++
  let end = 0
  while (end < shorter - start && one.at(-1 - end) === other.at(-1 - end)) end++
  return [one.slice(start, one.length - end), other.slice(start, other.length - end)]
}

/** Returns true if one word is inserted, removed or replaced. An article directly before it may change with it. */
function differByOneWord(positive: string, negative: string): boolean {
  const [added, removed] = difference(wordsOf(positive), wordsOf(negative)).map((words) =>
    /^an?$/.test(words[0] ?? '') ? words.slice(1) : words,
  ) as [string[], string[]]
  return added.length <= 1 && removed.length <= 1 && added.length + removed.length > 0
}

test('only one word, with its article, counts as one word', () => {
  expect(differByOneWord('It is an odd film.', 'It is a good film.')).toBe(true)
  expect(differByOneWord('It is good.', 'It is not good.')).toBe(true)
  expect(differByOneWord('It is good.', 'It is good!')).toBe(false)
  expect(differByOneWord('It is good.', 'It was bad.')).toBe(false)
  expect(differByOneWord('It is an odd film.', 'It is a very good film.')).toBe(false)
})

test('the sentences of every pair differ by one word', () => {
  expect(pairs.filter(({ positive, negative }) => !differByOneWord(positive, negative))).toEqual([])
})

test('the pairs are of known kinds', () => {
  expect(countsOf(pairs.map(({ kind }) => kind))).toEqual({
    adjective: 60,
    adverb: 25,
    connective: 20,
    negation: 35,
    noun: 25,
    verb: 35,
  })
})

test('no adjective decides more than five pairs', () => {
  const decisive = pairs
    .filter(({ kind }) => kind === 'adjective')
    .flatMap(({ positive, negative }) => difference(wordsOf(positive), wordsOf(negative)))
    .map((words) => words.at(-1) ?? '')
  expect(Math.max(...Object.values(countsOf(decisive)))).toBeLessThanOrEqual(5)
})

test('every kind of judgement has as many positive as negative sentences', () => {
  const both = (count: number) => ({ positive: count, negative: count })
  const labelsOf = (kind: string) => countsOf(sentences.filter((row) => row.kind === kind).map(({ label }) => label))
  const kinds = [...new Set(sentences.map(({ kind }) => kind))]
  expect(Object.fromEntries(kinds.map((kind) => [kind, labelsOf(kind)]))).toEqual({
    film: both(61),
    negation: both(31),
    irony: both(15),
    understatement: both(15),
    mixed: both(21),
    product: both(61),
    plain: both(10),
    plot: { neutral: 20 },
    statement: { neutral: 20 },
  })
})

test('no sentence is repeated, and none of the pairs is among the sentences of the recipe', () => {
  const ofPairs = pairs.flatMap(({ positive, negative }) => [positive, negative])
  expect(repeated([...ofPairs, ...sentences.map(({ text }) => text)].map(normalised))).toEqual([])
})
