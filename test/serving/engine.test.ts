import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Adapter, loadAdapter } from '../../checkpoint/adapter.ts'
import { lower } from '../../graph/onnx/lower.ts'
import { openSession } from '../../graph/runtime/session.ts'
import { softmax } from '../../model/batch.ts'
import { encodeReview } from '../../model/encode.ts'
import { labelTokens } from '../../model/label-words.ts'
import { classifierProgram } from '../../model/programs.ts'
import { answersOf } from '../../serving/adapter-answers.ts'
import { describeAdapter } from '../../serving/describe-adapter.ts'
import { openEngine } from '../../serving/engine.ts'
import type { Engine, Prediction } from '../../serving/engine-types.ts'
import { expectError, parity } from '../checkpoint/helpers.ts'
import { base, configs, namedFolders, savedConfigs, textOf, tokenizer } from './adapters.ts'

const ids = configs.map(([name]) => name)
let folders: string[]
let engine: Engine
beforeAll(async () => {
  folders = await savedConfigs()
  engine = await openEngine({ base, folderOf: namedFolders(folders), threads: 2 })
})
afterAll(() => engine.close())

/** Lengths that meet and that miss each other in batches, the ends of what is read, and what is cut. */
const LENGTHS = [2, 3, 9, 10, 11, 12, 30, 31, 33, 40, 41, 100, 104, 110, 120, 250, 260, 511, 512, 513, 600]
const texts = LENGTHS.map((length) => textOf(length))

const alone = new Map<string, Promise<Prediction>>()
/** The answer that a row gets when nothing else is asked. */
function answerAlone(adapter: string, text: string): Promise<Prediction> {
  const key = `${adapter} ${text}`
  const known = alone.get(key) ?? engine.classify([{ text, adapter }]).then(([answer]) => answered(answer))
  alone.set(key, known)
  return known
}

function answered(answer: Awaited<ReturnType<Engine['classify']>>[number]): Prediction {
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
  test('gets in any mixture of rows and adapters the answer that it gets alone', async () => {
    const row = fc.record({ adapter: fc.constantFrom(...ids), text: fc.constantFrom(...texts) })
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 2, maxLength: 30, size: 'max' }), async (rows) => {
        const together = await engine.classify(rows)
        for (const [i, { adapter, text }] of rows.entries()) {
          const [found, expected] = [answered(together[i]), await answerAlone(adapter, text)]
          expectClose(found.scores, expected.scores, `row ${i}, ${adapter}, ${expected.tokens} tokens`)
          expect(found).toMatchObject({ tokens: expected.tokens, truncated: expected.truncated })
        }
      }),
      { numRuns: 20 },
    )
  })

  test('gets the same answer while other requests are answered', async () => {
    const requests = [0, 1, 2].map((shift) =>
      texts.map((text, i) => ({ text, adapter: ids[(i + shift) % ids.length] })),
    )
    const answers = await Promise.all(requests.map((rows) => engine.classify(rows)))
    for (const [shift, rows] of requests.entries())
      for (const [i, { adapter, text }] of rows.entries())
        expectClose(answered(answers[shift][i]).scores, (await answerAlone(adapter, text)).scores, `${adapter}, ${i}`)
  })

  test('that cannot be read fails alone, in its place', async () => {
    const adapter = 'lora-4'
    const bad = ['', ' \n', 'half of a pair \ud800', '\u0001\u0002']
    const answers = await engine.classify([texts[3], ...bad, texts[8]].map((text) => ({ text, adapter })))
    for (const answer of answers.slice(1, -1)) expect(answer).toMatchObject({ error: { code: 'text_invalid' } })
    expect(answers[3]).toMatchObject({ error: { found: expect.stringContaining('surrogate') } })
    expectClose(answered(answers[0]).scores, (await answerAlone(adapter, texts[3])).scores, 'the first')
    expectClose(answered(answers[5]).scores, (await answerAlone(adapter, texts[8])).scores, 'the last')
  })

  test('of a megabyte is answered from what the adapter reads of it, and says that it was cut', async () => {
    const tail = textOf(511, 1)
    const long = `${'not this part of it '.repeat(2 ** 20 / 20)} ${tail}`
    const [found, ofTail] = (await engine.classify([long, tail].map((text) => ({ text, adapter: 'lora-8' })))).map(
      answered,
    )
    expect(found).toMatchObject({ tokens: 512, truncated: true })
    expect(ofTail).toMatchObject({ tokens: 511, truncated: false })
    const [cut] = await engine.classify([{ text: `it ${tail}`, adapter: 'lora-8' }])
    expectClose(found.scores, answered(cut).scores, 'the last 512 tokens')
  })
})

describe.each(configs)('the adapter %s', (id, config) => {
  const index = ids.indexOf(id)

  test('answers in a mixture as a program made for it alone', async () => {
    const adapter = await loadAdapter(folders[index], base)
    for (const text of texts) {
      const expected = await single(adapter, text)
      const found = await answerAlone(id, text)
      expectClose(found.scores, expected.scores, `${expected.tokens} tokens`)
      expect(found).toMatchObject({ tokens: expected.tokens, truncated: expected.truncated })
      expect(found.score).toBe(Math.max(...Object.values(found.scores)))
      expect(found.scores[found.label]).toBe(found.score)
    }
  })

  test('is told apart from the others by its answers', async () => {
    const mine = await answerAlone(id, texts[11])
    for (const other of ids)
      if (other !== id)
        expect(Object.values((await answerAlone(other, texts[11])).scores), other).not.toEqual(
          Object.values(mine.scores).map((score) => expect.closeTo(score, 3)),
        )
  })

  test('tells what it is, with the SHA-256 of its file of weights', async () => {
    const { method, values, layout } = await loadAdapter(folders[index], base)
    const file = layout === 'peft' ? 'adapter_model' : layout === 'full' ? 'model' : 'adapter'
    const shown = await engine.load(id)
    const count = [...values.values()].reduce((n, { length }) => n + length, 0)
    expect(shown).toMatchObject({ method: method.method, base: 'graft-base', trainable: count, bytes: 4 * count })
    expect(shown.method).toBe(config.method)
    expect(shown.digest).toBe(sha256(join(folders[index], `${file}.safetensors`)))
    expect(await describeAdapter(folders[index], base)).toEqual(shown)
  })
})

/** What one adapter says to one text when its program runs by itself. */
async function single(adapter: Adapter, text: string): Promise<Omit<Prediction, 'label' | 'score'>> {
  const { words, truncation, temperature } = answersOf(adapter, base, 'it')
  const { labels, tokens } = labelTokens(words, tokenizer)
  const { ids, truncated } = encodeReview(tokenizer, text, truncation, base.t5.eosTokenId)
  const session = await openSession(lower(classifierProgram(base.t5, adapter.method, labels.length), 'cpu'), {
    threads: 1,
  })
  const feeds = {
    ...Object.fromEntries([...base.tensors, ...adapter.values]),
    input_ids: ids,
    attention_mask: new Float32Array(ids.length).fill(1),
    decoder_input_ids: Int32Array.of(base.t5.decoderStartTokenId),
    words: Int32Array.from(tokens),
  }
  const { scores } = await session.run(feeds, { batch: 1, source: ids.length })
  await session.close()
  const probabilities = softmax(scores as Float32Array, temperature)
  return {
    scores: Object.fromEntries(labels.map((label, i) => [label, probabilities[i]])),
    tokens: ids.length,
    truncated,
  }
}

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')

describe('an engine', () => {
  test('of a base that is named by its folder answers as one of a base that was read', async () => {
    const other = await openEngine({ base: base.dir, folderOf: namedFolders(folders), threads: 1 })
    try {
      const [answer] = await other.classify([{ text: texts[5], adapter: 'lora-4' }])
      expectClose(answered(answer).scores, (await answerAlone('lora-4', texts[5])).scores, 'lora-4')
    } finally {
      await other.close()
    }
  })

  test('is refused for a base without a tokenizer, and begins no thread for it', async () => {
    const threads = () => process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort').length
    const before = threads()
    const folderOf = namedFolders([])
    await expectError(openEngine({ base: parity('tiny-t5'), folderOf }), 'base_incomplete', 'tokenizer.json')
    await expectError(openEngine({ base, folderOf, adapterBytes: 2 ** 60 }), 'usage', 'the memory for adapters')
    expect(threads()).toBe(before)
  })
})
