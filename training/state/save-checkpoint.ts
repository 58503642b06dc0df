import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { saveAdapter } from '../../checkpoint/adapter.ts'
import { readManifest } from '../../checkpoint/manifest.ts'
import type { PreparedTraining } from '../data/prepare.ts'
import type { Calibration, TrainingResult } from '../events.ts'
import type { Metrics } from '../metrics.ts'
import { skippedSteps } from '../step/loss-scale.ts'
import type { Trainer } from '../step/trainer.ts'
import type { Progress } from './state.ts'

/**
 * Returns the result of a training whose checkpoint is complete, which was killed before it removed its state.
 * @returns undefined without a checkpoint of a training
 */
export async function readFinishedResult(out: string): Promise<TrainingResult | undefined> {
  const manifest = existsSync(out) ? await readManifest(out) : undefined
  if (!manifest?.training) return undefined
  const { training, metrics } = manifest
  return { ...training, checkpoint: resolve(out), ...(metrics && { metrics }) } as unknown as TrainingResult
}

/** Writes the checkpoint folder, completely or not at all. */
export async function saveCheckpoint(
  { spec, base, labels, plan, dataDigest }: PreparedTraining,
  { values }: Trainer,
  progress: Progress,
  calibration: Calibration,
  metrics: Metrics | undefined,
): Promise<TrainingResult> {
  const { method: _, base: __, out, data, test, threads: ___, ...settings } = spec
  const result: TrainingResult = {
    checkpoint: resolve(out),
    steps: progress.step,
    trainable: plan.trainable,
    total: plan.total,
    seconds: progress.seconds,
    reviews_per_second: progress.reviews / progress.seconds,
    loss: progress.loss,
    ...(progress.loss_scale && { skipped_steps: skippedSteps(progress.loss_scale) }),
    calibration,
    ...(metrics && { accuracy: metrics.accuracy, metrics }),
    curve: progress.curve,
  }
  const { checkpoint: _checkpoint, metrics: _metrics, ...summary } = result
  await saveAdapter(out, { method: spec.method, values: new Map(Object.entries(values)) }, base, {
    label_words: labels.words,
    labels: [...labels.labels],
    truncation: { max_tokens: spec.max_tokens, side: spec.truncation_side },
    ...(calibration.reviews > 0 && { temperature: calibration.temperature }),
    training: { ...summary, reviews: plan.reviews, data_sha256: dataDigest, settings },
    ...(metrics && { metrics: { ...metrics } }),
    probe_ids: labels.tokens,
  })
  return result
}
