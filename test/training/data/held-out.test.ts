import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Example } from '../../../training/data/check-row.ts'
import { holdOut } from '../../../training/data/held-out.ts'

const examplesOf = (labels: readonly string[], textOf = (row: number) => `text ${row}`): Example[] =>
  labels.map((label, row) => ({ id: String(row), text: textOf(row), label }))
const makeExamples = (count: number) => examplesOf(Array.from({ length: count }, (_, i) => (i % 3 ? 'b' : 'a')))
const idsOf = (examples: readonly Example[]) => examples.map(({ id }) => id)
const countOf = (examples: readonly Example[], label: string) =>
  examples.filter((example) => example.label === label).length

test.each([
  [2, 0],
  [499, 0],
  [500, 50],
  [2000, 200],
  [10_000, 1000],
  [25_000, 1000],
])('by default, of %i reviews %i are held out', (count, expected) => {
  const { trained, heldOut } = holdOut(makeExamples(count), 'auto', 0)
  expect([heldOut.length, trained.length]).toEqual([expected, count - expected])
})

test('the number can be set, up to half of the reviews, and 0 holds out none', () => {
  const examples = makeExamples(100)
  expect(holdOut(examples, 0, 0)).toEqual({ trained: examples, heldOut: [] })
  expect(holdOut(examples, 7, 0).heldOut).toHaveLength(7)
  expect(holdOut(examples, 90, 0).heldOut).toHaveLength(50)
})

describe('the held-out reviews', () => {
  test('depend only on the data and the seed', () => {
    const examples = makeExamples(600)
    const [first, again, other] = [3, 3, 4].map((seed) => idsOf(holdOut(examples, 'auto', seed).heldOut))
    expect(again).toEqual(first)
    expect(other).not.toEqual(first)
  })

  test('keep their order and share no text with the others, and every label is still trained', () => {
    const anyExamples = fc
      .array(fc.record({ label: fc.constantFrom('a', 'b', 'c'), text: fc.integer({ min: 0, max: 40 }) }), {
        minLength: 1,
        maxLength: 120,
      })
      .map((rows) =>
        examplesOf(
          rows.map(({ label }) => label),
          (row) => `text ${rows[row].text}`,
        ),
      )
    fc.assert(
      fc.property(anyExamples, fc.nat(60), fc.nat(9), (examples, rows, seed) => {
        const { trained, heldOut } = holdOut(examples, rows, seed)
        expect(heldOut.length).toBeLessThanOrEqual(rows)
        expect(idsOf([...trained, ...heldOut]).sort()).toEqual(idsOf(examples).sort())
        for (const part of [trained, heldOut])
          expect(idsOf(part)).toEqual(idsOf(part).toSorted((a, b) => Number(a) - Number(b)))
        const trainedTexts = new Set(trained.map(({ text }) => text))
        expect(heldOut.filter(({ text }) => trainedTexts.has(text))).toEqual([])
        // A label whose every text also has another label can lose them with that label.
        const ownTexts = Map.groupBy(examples, ({ text }) => text)
        for (const label of ['a', 'b', 'c']) {
          const own = examples.some((e) => e.label === label && ownTexts.get(e.text)?.every((o) => o.label === label))
          if (own) expect(trained.some((example) => example.label === label)).toBe(true)
        }
      }),
    )
  })

  test('have the labels in proportion, but not the only review of a label', () => {
    const labels = Array.from({ length: 1000 }, (_, i) => (i < 700 ? 'common' : i < 999 ? 'less common' : 'rare'))
    const { heldOut } = holdOut(examplesOf(labels), 'auto', 1)
    expect(countOf(heldOut, 'common')).toBe(70)
    expect(countOf(heldOut, 'less common')).toBe(30)
    expect(countOf(heldOut, 'rare')).toBe(0)
  })

  test('include every repetition of a text', () => {
    const labels = Array.from({ length: 1000 }, (_, i) => (i % 2 ? 'a' : 'b'))
    const { heldOut } = holdOut(
      examplesOf(labels, (row) => `text ${row % 500}`),
      'auto',
      0,
    )
    expect(heldOut).toHaveLength(100)
    expect(new Set(heldOut.map(({ text }) => text)).size).toBe(50)
  })
})
