import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Adapter, loadAdapter } from '../../checkpoint/adapter.ts'
import { lower } from '../../graph/onnx/lower.ts'
import { openSession } from '../../graph/runtime/session.ts'
import { modelOf } from '../../model/architectures.ts'
import { softmax } from '../../model/batch.ts'
import { encodeText } from '../../model/encode.ts'
import { labelTokens } from '../../model/label-words.ts'
import { classifierProgram } from '../../model/programs.ts'
import { settingsOf } from '../../serving/adapter-settings.ts'
import { openEngine } from '../../serving/engine.ts'
import type { Engine, Prediction } from '../../serving/engine-types.ts'
import { describeAdapter } from '../../serving/loader.ts'
import { expectError, parityPath } from '../checkpoint/helpers.ts'
import { base, configs, foldersByName, saveConfigs, saveTwins, textOf, tokenizer, twins } from './adapters.ts'

const ids = configs.map(([name]) => name)
let folders: string[]
let engine: Engine
beforeAll(async () => {
  folders = await saveConfigs()
  const all = [...folders, ...(await saveTwins())]
  engine = await openEngine({ base, folderOf: foldersByName(all), threads: 2 })
})
afterAll(() => engine.close())

/**
 * Lengths that do and do not share batches, the shortest and longest that are read whole, and some that are truncated.
 */
const LENGTHS = [2, 3, 9, 10, 11, 12, 30, 31, 33, 40, 41, 100, 104, 110, 120, 250, 260, 511, 512, 513, 600]
const texts = LENGTHS.map((length) => textOf(length))

const singleAnswers = new Map<string, Promise<Prediction>>()
/** Returns the answer that a row gets when it is the only one. */
function answerAlone(adapter: string, text: string): Promise<Prediction> {
  const key = `${adapter} ${text}`
  const known =
    singleAnswers.get(key) ?? engine.classify([{ text, adapter }]).then(([answer]) => requirePrediction(answer))
  singleAnswers.set(key, known)
  return known
}

function requirePrediction(answer: Awaited<ReturnType<Engine['classify']>>[number]): Prediction {
  if ('error' in answer) throw new Error(JSON.stringify(answer.error))
  return answer
}

const TOLERANCE = 1e-5

function expectClose(found: Record<string, number>, expected: Record<string, number>, of: string): void {
  expect(Object.keys(found), of).toEqual(Object.keys(expected))
  for (const [label, probability] of Object.entries(expected))
    expect(Math.abs(found[label] - probability), `${of}, ${label}`).toBeLessThan(TOLERANCE)
}

describe('a row', () => {
  test('gets the same answer in any mixture of rows and adapters as by itself', async () => {
    const row = fc.record({ adapter: fc.constantFrom(...ids, ...twins), text: fc.constantFrom(...texts) })
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 2, maxLength: 30, size: 'max' }), async (rows) => {
        const together = await engine.classify(rows)
        for (const [i, { adapter, text }] of rows.entries()) {
          const [found, expected] = [requirePrediction(together[i]), await answerAlone(adapter, text)]
          expectClose(found.scores, expected.scores, `row ${i}, ${adapter}, ${expected.tokens} tokens`)
          expect(found).toMatchObject({ tokens: expected.tokens, truncated: expected.truncated })
        }
      }),
      { numRuns: 20 },
    )
  })

  test('gets the same answer while other requests are running', async () => {
    const requests = [ids, twins, ids].map((names, shift) =>
      texts.map((text, i) => ({ text, adapter: names[(i + shift) % names.length] })),
    )
    const answers = await Promise.all(requests.map((rows) => engine.classify(rows)))
    for (const [shift, rows] of requests.entries())
      for (const [i, { adapter, text }] of rows.entries())
        expectClose(
          requirePrediction(answers[shift][i]).scores,
          (await answerAlone(adapter, text)).scores,
          `${adapter}, ${i}`,
        )
  })

  test('that is invalid fails in its place, and the others are answered', async () => {
    const adapter = 'lora-4'
    const bad = ['', ' \n', 'half of a pair \ud800', '\u0001\u0002']
    const answers = await engine.classify([texts[3], ...bad, texts[8]].map((text) => ({ text, adapter })))
    for (const answer of answers.slice(1, -1)) expect(answer).toMatchObject({ error: { code: 'text_invalid' } })
    expect(answers[3]).toMatchObject({ error: { found: expect.stringContaining('surrogate') } })
    expectClose(requirePrediction(answers[0]).scores, (await answerAlone(adapter, texts[3])).scores, 'the first')
    expectClose(requirePrediction(answers[5]).scores, (await answerAlone(adapter, texts[8])).scores, 'the last')
  })

  test('of a megabyte is truncated as its adapter requires, and its answer says so', async () => {
    const tail = textOf(511, 1)
    const long = `${'not this part of it '.repeat(2 ** 20 / 20)} ${tail}`
    const [found, ofTail] = (await engine.classify([long, tail].map((text) => ({ text, adapter: 'lora-8' })))).map(
      requirePrediction,
    )
    expect(found).toMatchObject({ tokens: 512, truncated: true })
    expect(ofTail).toMatchObject({ tokens: 511, truncated: false })
    const [cut] = await engine.classify([{ text: `it ${tail}`, adapter: 'lora-8' }])
    expectClose(found.scores, requirePrediction(cut).scores, 'the last 512 tokens')
  })
})

describe.each(configs)('the adapter %s', (id, config) => {
  const index = ids.indexOf(id)

  test('answers in a mixture as in a program of its own', async () => {
    const adapter = await loadAdapter(folders[index], base)
    for (const text of texts) {
      const expected = await classifyWithOwnProgram(adapter, text)
      const found = await answerAlone(id, text)
      expectClose(found.scores, expected.scores, `${expected.tokens} tokens`)
      expect(found).toMatchObject({ tokens: expected.tokens, truncated: expected.truncated })
      expect(found.score).toBe(Math.max(...Object.values(found.scores)))
      expect(found.scores[found.label]).toBe(found.score)
    }
  })

  test('gives answers that differ from those of the others', async () => {
    const mine = await answerAlone(id, texts[11])
    for (const other of ids)
      if (other !== id)
        expect(Object.values((await answerAlone(other, texts[11])).scores), other).not.toEqual(
          Object.values(mine.scores).map((score) => expect.closeTo(score, 3)),
        )
  })

  test('is described with the SHA-256 of its file of weights', async () => {
    const { method, values, layout } = await loadAdapter(folders[index], base)
    const file = layout === 'peft' ? 'adapter_model' : layout === 'full' ? 'model' : 'adapter'
    const description = await engine.load(id)
    const count = [...values.values()].reduce((n, { length }) => n + length, 0)
    expect(description).toMatchObject({ method: method.method, base: 'graft-base', trainable: count, bytes: 4 * count })
    expect(description.method).toBe(config.method)
    expect(description.digest).toBe(sha256(join(folders[index], `${file}.safetensors`)))
    expect(await describeAdapter(folders[index], base)).toEqual(description)
  })
})

/** Classifies a text with the program of one adapter only. */
async function classifyWithOwnProgram(adapter: Adapter, text: string): Promise<Omit<Prediction, 'label' | 'score'>> {
  const { words, truncation, temperature } = settingsOf(adapter, base, 'it')
  const { labels, tokens } = labelTokens(words, tokenizer)
  const { ids, truncated } = encodeText(tokenizer, text, truncation, modelOf(base).frame)
  const session = await openSession(lower(classifierProgram(modelOf(base), adapter.method, labels.length), 'cpu'), {
    threads: 1,
  })
  const feeds = {
    ...Object.fromEntries([...base.tensors, ...adapter.values]),
    input_ids: ids,
    attention_mask: new Float32Array(ids.length).fill(1),
    ...modelOf(base).rowInputs(1),
    words: Int32Array.from(tokens),
  }
  const { scores: logits } = await session.run(feeds, { batch: 1, source: ids.length })
  await session.close()
  const probabilities = softmax(logits as Float32Array, temperature)
  return {
    scores: Object.fromEntries(labels.map((label, i) => [label, probabilities[i]])),
    tokens: ids.length,
    truncated,
  }
}

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')

describe('an engine', () => {
  test('gives the same answers for a base that is named by its folder', async () => {
    const other = await openEngine({ base: base.dir, folderOf: foldersByName(folders), threads: 1 })
    try {
      const [answer] = await other.classify([{ text: texts[5], adapter: 'lora-4' }])
      expectClose(requirePrediction(answer).scores, (await answerAlone('lora-4', texts[5])).scores, 'lora-4')
    } finally {
      await other.close()
    }
  })

  test('rejects a base without a tokenizer before it starts any thread', async () => {
    const threads = () => process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort').length
    const before = threads()
    const folderOf = foldersByName([])
    await expectError(openEngine({ base: parityPath('tiny-t5'), folderOf }), 'base_incomplete', 'tokenizer.json')
    await expectError(openEngine({ base, folderOf, adapterBytes: 2 ** 60 }), 'usage', 'the memory for adapters')
    expect(threads()).toBe(before)
  })
})
