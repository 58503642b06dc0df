import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MAX_COMPLETENESS_ERROR, MAX_POINTS } from '../../core/explanation-precision.ts'
import { prediction } from '../../platform/schemas/classify.ts'
import { openEngine } from '../../serving/engine.ts'
import type { Engine, Explanation, Prediction, Row } from '../../serving/engine-types.ts'
import { EXPLANATION_COST } from '../../serving/explanation-cost.ts'
import { expectError } from '../checkpoint/helpers.ts'
import { base, configs, foldersByName, saveConfigs } from './adapters.ts'

/** Room for an explanation of every adapter, but not for twice as many. */
const CAPACITY = 20 * (1 + EXPLANATION_COST)

let engine: Engine
beforeAll(async () => {
  engine = await openEngine({ base, folderOf: foldersByName(await saveConfigs()), threads: 2, queueCapacity: CAPACITY })
})
afterAll(() => engine.close())

const TEXT = "I don't like it; it's <br /><br />boring!!! 😀 But <b>Anna's</b> café was well-made."

type Explained = Prediction & { explanation: Explanation }

async function explain(rows: readonly Omit<Row, 'explained'>[]): Promise<Explained[]> {
  const answers = await engine.classify(rows.map((row) => ({ ...row, explained: true })))
  for (const answer of answers) if ('error' in answer) throw new Error(JSON.stringify(answer.error))
  return answers as Explained[]
}

const sumOf = ({ words, other }: Explanation) => words.reduce((sum, { contribution }) => sum + contribution, other)

describe('an explanation', () => {
  test('adds up to the difference of logits within 2 % for every method, in one request of all adapters', async () => {
    const rows = configs.map(([adapter]) => ({ text: TEXT, adapter, detailed: true }))
    const answers = await explain(rows)
    for (const [i, answer] of answers.entries()) {
      const { detail, ...answered } = answer
      const { explanation } = answered
      const of = rows[i].adapter
      expect(prediction.safeParse(answered).error, of).toBeUndefined()
      const { target, against, difference, baseline_difference, completeness_error, steps } = explanation
      const logits = detail?.logits ?? {}
      expect([target, against], of).toEqual(
        Object.keys(logits)
          .toSorted((a, b) => logits[b] - logits[a])
          .slice(0, 2),
      )
      expect(target, of).toBe(answer.label)
      expect(difference, of).toBeCloseTo(logits[target] - logits[against], 4)
      expect(completeness_error, of).toBeLessThanOrEqual(MAX_COMPLETENESS_ERROR)
      const change = difference - baseline_difference
      expect(Math.abs(sumOf(explanation) - change) / Math.abs(change), of).toBeCloseTo(completeness_error, 4)
      expect(steps, of).toBeLessThanOrEqual(MAX_POINTS)
    }
  })

  test('has the words of the submitted text with their offsets, beside markup and emoji', async () => {
    const [{ explanation }] = await explain([{ text: TEXT, adapter: 'lora-4' }])
    for (const { text, start, end } of explanation.words) expect(TEXT.slice(start, end)).toBe(text)
    expect(explanation.words.map(({ text }) => text).join(' ')).toBe(
      "I don't like it ; it's boring !!! 😀 But < b > Anna's < / b > café was well - made .",
    )
  })

  test('is the same whatever other rows and explanations run at the same time', async () => {
    const row = { text: TEXT, adapter: 'prompt' }
    const [[alone], mixed] = [
      await explain([row]),
      await explain([{ text: 'A good film.', adapter: 'prompt' }, row, { text: TEXT, adapter: 'lora-4' }]),
    ]
    for (const [i, { contribution }] of alone.explanation.words.entries())
      expect(mixed[1].explanation.words[i].contribution).toBeCloseTo(contribution, 3)
  })

  test('of a truncated text has only the words that are read, and the answer says that it is truncated', async () => {
    const [{ truncated, tokens, explanation }] = await explain([
      { text: `${'good film '.repeat(19)}bad film ${'never '.repeat(60)}read`, adapter: 'three-labels' },
    ])
    expect({ truncated, tokens, words: explanation.words.length }).toEqual({ truncated: true, tokens: 40, words: 39 })
    expect(explanation.words.map(({ text }) => text)).not.toContain('never')
  })

  test('does not fail the others if its text is invalid', async () => {
    const answers = await engine.classify([
      { text: ' ', adapter: 'lora-4', explained: true },
      { text: 'fine', adapter: 'lora-4', explained: true },
      { text: 'fine', adapter: 'lora-4' },
    ])
    expect(answers).toMatchObject([
      { error: { code: 'text_invalid' } },
      { explanation: { steps: expect.any(Number) } },
      {},
    ])
    expect(answers[2]).not.toHaveProperty('explanation')
  })
})

describe('an engine', () => {
  test('counts an explanation as the texts that it costs', async () => {
    const rows = (count: number) =>
      Array.from({ length: count }, () => ({ text: 'fine', adapter: 'lora-4', explained: true }))
    const most = Math.floor(CAPACITY / (1 + EXPLANATION_COST))
    await expectError(engine.classify(rows(most + 1)), 'overloaded', `room for only ${CAPACITY}`)
    expect(engine.queue.waiting).toBe(0)
    expect(await engine.classify(rows(2))).toHaveLength(2)
    expect(engine.queue.waiting).toBe(0)
  })

  test('stops the explanations of a client that has left', async () => {
    const stop = new AbortController()
    const rows = Array.from({ length: 8 }, () => ({ text: `${TEXT} `.repeat(10), adapter: 'lora-4', explained: true }))
    const gone = expect(engine.classify(rows, stop.signal)).rejects.toThrow('gone')
    setTimeout(() => stop.abort(new Error('gone')), 50)
    await gone
    expect(engine.queue.waiting).toBe(0)
  })
})
