import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { saveAdapter } from '../../checkpoint/adapter.ts'
import type { Base } from '../../checkpoint/base.ts'
import { packageRoot } from '../../core/entry.ts'
import { makeRandom } from '../../core/random.ts'
import { openPool } from '../../graph/runtime/pool.ts'
import { modelOf } from '../../model/architectures.ts'
import { FRAME } from '../../model/locate-words.ts'
import { type MethodConfig, parametersOf } from '../../model/methods/registry.ts'
import { explain } from '../../serving/explain.ts'
import { openMixtures } from '../../serving/mixtures.ts'
import type { Point, QueueEntry } from '../../serving/queue-entry.ts'
import { prepareBase } from '../../serving/served-base.ts'
import { freshPath, parityPath, randomAdapter, tinyFlan, tinyT5 } from '../checkpoint/helpers.ts'
import { entryOf, readyAdapter } from '../serving/queue-entries.ts'
import { largestDifference, runPython, without } from './libraries.ts'

const LABEL_TOKENS = [41, 65]
const EOS = 1
/** By how much contributions may differ, in units of logits. */
const TOLERANCE = 1e-3
/** By how much the contribution of a token that Captum computes may be wrong on each piece of a path. */
const PIECE_TOLERANCE = 3e-5
/**
 * Spends all points: a sum that is right by chance does not end an explanation early. The error of a kink of a ReLU
 * halves with each halving of its piece, so it takes many.
 */
const PRECISION = { tolerance: 0, maxPoints: 12_000 }

interface Attribution {
  contributions: number[]
  difference: number
  baseline_difference: number
}

/** A model to explain: the values of a method on a base, and the folder in which PEFT finds them, if it needs one. */
interface Explained {
  name: string
  base: Base
  method: MethodConfig
  values: Float32Array
  folder?: string
}

const draw = makeRandom(0, 'texts to explain')
/** Texts of several lengths: token ids, with the end of the sequence. */
const texts = [3, 5, 7].map((length) => [...Array.from({ length }, () => 2 + draw.integer(380)), EOS])

const pool = openPool(2)
afterAll(() => pool.close())

/** Computes the points of an explanation in one batch. */
function computeTogether(points: readonly QueueEntry[]): Promise<Float32Array>[] {
  const { explainer } = points[0].point as Point
  const results = explainer.computePoints([...points])
  return points.map(async (_, i) => (await results)[i])
}

/** Explains the texts, with each token as a word. */
async function explainTokens({ base, method, values }: Explained) {
  const { mixture, leave } = await openMixtures(prepareBase(base, 'f32'), pool).join({ method, values })
  const adapter = { ...readyAdapter(mixture, method, values), words: LABEL_TOKENS }
  const explanations = texts.map(async (ids) => {
    const words = ids.slice(0, -1).map((_, i) => ({ start: i, end: i + 1 }))
    const wordOf = Int32Array.from(ids, (_, i) => (i < words.length ? i : FRAME))
    const entry: QueueEntry = { ...entryOf(adapter, Int32Array.from(ids)), located: { words, wordOf } }
    const [logits] = await mixture.computeLogits([entry])
    return explain(entry, logits, computeTogether, new AbortController().signal, PRECISION)
  })
  return Promise.all(explanations).finally(leave)
}

/** Explains the texts with Captum on each of the models, from the second label to the first. */
async function explainInCaptum(models: readonly Explained[]): Promise<Attribution[][]> {
  const dir = freshPath('captum')
  mkdirSync(dir, { recursive: true })
  const [request, out] = ['request.json', 'attributions.json'].map((name) => join(dir, name))
  const [target, against] = LABEL_TOKENS
  const folders = models.map(({ name, folder = null }) => ({ base: parityPath(name), adapter: folder }))
  writeFileSync(request, JSON.stringify({ models: folders, texts, target, against, tolerance: PIECE_TOLERANCE }))
  await runPython('captum', [join(packageRoot, 'test/libraries/explain.py'), request, out])
  return JSON.parse(readFileSync(out, 'utf8'))
}

function expectEqual(explanations: Awaited<ReturnType<typeof explainTokens>>, attributions: readonly Attribution[]) {
  for (const [i, { target, difference, baseline_difference, words, other }] of explanations.entries()) {
    // Captum explains the first label against the second, which turns every sign if the second is predicted.
    const sign = target === 'negative' ? 1 : -1
    const expected = attributions[i]
    const of = `text ${i}`
    expect(sign * difference, of).toBeCloseTo(expected.difference, 4)
    expect(sign * baseline_difference, of).toBeCloseTo(expected.baseline_difference, 4)
    const found = words.map(({ contribution }) => sign * contribution)
    expect(largestDifference(found, expected.contributions.slice(0, -1)), of).toBeLessThan(TOLERANCE)
    expect([other, expected.contributions.at(-1)], of).toEqual([0, 0])
    // Otherwise the comparison would show little.
    expect(Math.max(...found.map(Math.abs)), of).toBeGreaterThan(0.2)
  }
}

/** A base by itself, whose own weights are the values. */
async function loadAlone(name: string, load: () => Promise<Base>): Promise<Explained> {
  const base = await load()
  const method: MethodConfig = { method: 'full' }
  const values = parametersOf(method, modelOf(base)).flatMap((one) => [...(base.tensors.get(one.name) as Float32Array)])
  return { name, base, method, values: Float32Array.from(values) }
}

async function loadWithLora(name: string, load: () => Promise<Base>): Promise<Explained> {
  const base = await load()
  // Larger values make contributions of more than 50, of which float32 rounds about as much as the tolerance.
  const adapter = randomAdapter({ method: 'lora', rank: 4 }, base, 0.03)
  const folder = freshPath('lora')
  await saveAdapter(folder, adapter, base)
  const values = Float32Array.from([...adapter.values.values()].flatMap((one) => [...one]))
  return { name, base, method: adapter.method, values, folder }
}

describe.skipIf(without('captum'))(`explanations and Captum's integrated gradients${without('captum')}`, () => {
  let models: Explained[]
  let attributions: Attribution[][]

  beforeAll(async () => {
    models = [
      await loadAlone('tiny-t5', tinyT5),
      await loadAlone('tiny-flan', tinyFlan),
      await loadWithLora('tiny-t5', tinyT5),
      await loadWithLora('tiny-flan', tinyFlan),
    ]
    // One process for all of them: importing the libraries takes longer than the gradients.
    attributions = await explainInCaptum(models)
  }, 400_000)

  test.each([
    ['tiny-t5', 0],
    ['tiny-flan', 1],
    ['tiny-t5 with a LoRA, as PEFT loads it', 2],
    ['tiny-flan with a LoRA, as PEFT loads it', 3],
  ])('agree on the contribution of each token on %s', async (_, i) => {
    expectEqual(await explainTokens(models[i]), attributions[i])
  })
})
