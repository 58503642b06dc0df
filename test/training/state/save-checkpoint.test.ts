import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadAdapter } from '../../../checkpoint/adapter.ts'
import type { PreparedTraining } from '../../../training/data/prepare.ts'
import { computeMetrics } from '../../../training/metrics.ts'
import { parseTrainingSpec } from '../../../training/spec.ts'
import { readFinishedResult, saveCheckpoint } from '../../../training/state/save-checkpoint.ts'
import type { Trainer } from '../../../training/step/trainer.ts'
import { freshPath, randomAdapter, tinyT5 } from '../../checkpoint/helpers.ts'

/** Saves a checkpoint of a training with this many labels and points of its curve. */
async function save(labelCount: number, points: number) {
  const base = await tinyT5()
  const out = freshPath('out')
  const labels = Array.from({ length: labelCount }, (_, i) => `${'l'.repeat(96)}${1000 + i}`)
  const words = Object.fromEntries(labels.map((label, i) => [label, `word${i}`]))
  const spec = { ...parseTrainingSpec({ data: 'train.jsonl', out, rank: 2 }), label_words: words }
  const { values } = randomAdapter(spec.method, base)
  const prepared = {
    spec,
    base,
    labels: { labels, words, tokens: labels.map((_, i) => i % 90) },
    train: { labels: [0, 1] },
    plan: {
      trainable: 1,
      total: 2,
      reviews: 3,
      findings: [],
      data: { encoding: 'utf-8', skipped: { rows: 0, reasons: [] } },
    },
    dataDigest: 'd'.repeat(64),
  } as unknown as PreparedTraining
  const curve = Array.from({ length: points }, (_, i) => ({ step: i + 1, loss: 1 / (i + 3), accuracy: 0.123456789 }))
  const progress = { step: points, reviews: 3, seconds: 1, loss: 0.5, curve }
  const probabilities = labels.map(() => 1 / labelCount)
  const answers = labels.map((_, label) => ({ label, probabilities, tokens: 5, truncated: false }))
  const trainer = { values: Object.fromEntries(values) } as unknown as Trainer
  const calibration = { reviews: 0, temperature: 1 }
  const result = await saveCheckpoint(prepared, trainer, progress, calibration, computeMetrics(answers, labels))
  return { out, labels, result, manifest: (await loadAdapter(out, base)).manifest }
}

test('a checkpoint with as many labels and evaluations as allowed can be loaded again', async () => {
  const { out, labels, result, manifest } = await save(1000, 20_000)
  expect(manifest?.labels).toEqual(labels)
  expect(statSync(join(out, 'graft.json')).size).toBeLessThan(2 ** 20)
  // The tables have a row for each label, which would be a million numbers.
  expect(result.metrics).toMatchObject({ n: 1000, accuracy: 0.001, labels: [], classes: [], confusion: [] })
  expect(result.curve.length).toBeGreaterThan(300)
  expect(result.curve.length).toBeLessThanOrEqual(400)
  expect(result.curve.at(-1)?.step).toBe(20_000)
  // A training that was killed at this point reports the same when it continues.
  expect(await readFinishedResult(out)).toMatchObject({ ...result })
})

test('a checkpoint with few labels records every number', async () => {
  const { labels, result, manifest } = await save(3, 150)
  expect(result.metrics?.labels).toEqual(labels)
  expect(result.metrics?.confusion).toHaveLength(3)
  expect(result.curve).toHaveLength(150)
  expect(manifest?.metrics).toEqual(result.metrics)
})
