import { join } from 'node:path'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { readManifest } from '../../checkpoint/manifest.ts'
import { makeRandom } from '../../core/random.ts'
import { softmax } from '../../model/batch.ts'
import { evaluateCheckpoint } from '../../platform/offline/evaluate.ts'
import { openEngine } from '../../serving/engine.ts'
import type { Prediction } from '../../serving/engine-types.ts'
import { holdOut } from '../../training/data/held-out.ts'
import type { Plan, TrainingResult } from '../../training/events.ts'
import type { TrainingSpec } from '../../training/spec.ts'
import { copyFolder, editJson, parityPath } from '../checkpoint/helpers.ts'
import { makeReviews, runTraining, tinyBase, tinySpec, weightsOf, writeReviews } from './tiny.ts'

/** Makes reviews of which a fifth has the wrong label. An adapter that learns the words is too certain of them. */
function makeNoisyReviews(count: number, seed: number) {
  const { uniform } = makeRandom(seed, 'noise')
  return makeReviews(count, seed).map(({ text, label }) => {
    const other = label === 'positive' ? 'negative' : 'positive'
    return { text, label: uniform() < 0.2 ? other : label }
  })
}

const noisy = makeNoisyReviews(500, 1)
const noisyPath = writeReviews(noisy)
const testPath = writeReviews(makeNoisyReviews(300, 2))
const spec = (fields: object = {}): TrainingSpec => tinySpec({ data: noisyPath, test: testPath, steps: 40, ...fields })

let trained: { spec: TrainingSpec; result: TrainingResult; plan: Plan }

beforeAll(async () => {
  const own = spec()
  const { result, events } = await runTraining(own)
  const plan = events.find((event) => event.type === 'plan')?.plan
  trained = { spec: own, result: result as TrainingResult, plan: plan as Plan }
})

/** Classifies texts with the adapter in a folder, as a server does. */
async function classify(dir: string, base: string, texts: readonly string[]): Promise<Prediction[]> {
  const engine = await openEngine({ base, threads: 1, folderOf: async (folder) => folder })
  onTestFinished(() => engine.close())
  return (await engine.classify(texts.map((text) => ({ text, adapter: dir, detailed: true })))) as Prediction[]
}

test('a training holds out reviews, fits the temperature to them and stores it with the adapter', async () => {
  const { plan, result, spec } = trained
  expect(plan.held_out).toBe(50)
  const { reviews, temperature, before, after } = result.calibration
  expect(reviews).toBe(50)
  expect((await readManifest(spec.out))?.temperature).toBe(temperature)
  expect(temperature).toBeGreaterThan(1.1)
  expect(after?.log_loss).toBeLessThan(before?.log_loss as number)
})

test('the probabilities of reviews that it has not seen become better', async () => {
  const { metrics } = trained.result
  expect(metrics?.log_loss).toBeLessThan(metrics?.uncalibrated?.log_loss as number)
  expect(metrics?.ece).toBeLessThan(metrics?.uncalibrated?.ece as number)
})

test('predictions and evaluations use the temperature, which changes probabilities but no label', async () => {
  const { out } = trained.spec
  const plain = copyFolder(out)
  editJson(join(plain, 'graft.json'), (manifest) => {
    delete manifest.temperature
  })
  const texts = noisy.slice(0, 20).map(({ text }) => text)
  const [calibrated, uncalibrated] = [await classify(out, tinyBase(), texts), await classify(plain, tinyBase(), texts)]
  for (const [i, { scores, detail, label }] of calibrated.entries()) {
    const logits = Object.values(detail?.logits ?? {})
    expect(Object.values(scores)).toEqual(softmax(logits, trained.result.calibration.temperature))
    expect(Object.values(uncalibrated[i].scores)).toEqual(softmax(logits))
    expect(uncalibrated[i].label).toBe(label)
    expect(uncalibrated[i].scores).not.toEqual(scores)
  }
  const request = { base: tinyBase(), data: testPath, threads: 1 }
  const evaluated = await evaluateCheckpoint({ ...request, checkpoint: out }, () => {})
  const evaluatedPlain = await evaluateCheckpoint({ ...request, checkpoint: plain }, () => {})
  expect(evaluated).toEqual(trained.result.metrics)
  expect(evaluatedPlain).not.toHaveProperty('uncalibrated')
  const { ece, log_loss, uncalibrated: _, ...same } = evaluated
  expect(evaluatedPlain).toEqual({ ...same, ...evaluated.uncalibrated })
})

test('the held-out reviews are not trained on: without them in the file, the weights have the same bytes', async () => {
  const { trained: rest, heldOut } = holdOut(
    noisy.map((row, i) => ({ ...row, id: String(i) })),
    'auto',
    trained.spec.seed,
  )
  expect(heldOut).toHaveLength(trained.plan.held_out)
  const onlyRest = spec({ data: writeReviews(rest), test: undefined, calibration_rows: 0 })
  await runTraining(onlyRest)
  expect(weightsOf(onlyRest.out).equals(weightsOf(trained.spec.out))).toBe(true)
})

test('an interrupted training ends with the same weights and the same temperature', async () => {
  const interrupted = spec()
  expect((await runTraining(interrupted, { stopAt: 15 })).result).toBeUndefined()
  const { result } = await runTraining({ ...interrupted, threads: 1 }, { resume: true })
  expect(result?.calibration).toEqual(trained.result.calibration)
  expect(weightsOf(interrupted.out).equals(weightsOf(trained.spec.out))).toBe(true)
})

test('with few reviews nothing is held out, and plan and result say so', async () => {
  const few = tinySpec({ steps: 1 })
  const { result, events } = await runTraining(few)
  expect(events.find((event) => event.type === 'plan')).toMatchObject({ plan: { held_out: 0 } })
  expect(result?.calibration).toEqual({ reviews: 0, temperature: 1 })
  expect(result?.metrics).not.toHaveProperty('uncalibrated')
  expect(await readManifest(few.out)).not.toHaveProperty('temperature')
})

test('a folder of PEFT has no temperature, so its probabilities are the softmax of its logits', async () => {
  const folder = parityPath('peft/lora_r8_a16_qv/checkpoint')
  const [{ scores, detail }] = await classify(folder, tinyBase(), ['a lovely film'])
  expect(Object.values(scores)).toEqual(softmax(Object.values(detail?.logits ?? {})))
})
