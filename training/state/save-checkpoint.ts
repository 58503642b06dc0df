import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { toSvgDocument } from '../../charts/svg.ts'
import { drawTrainingCurve } from '../../charts/training-curve.ts'
import { saveAdapter } from '../../checkpoint/adapter.ts'
import { areRecordsSmall, readManifest } from '../../checkpoint/manifest.ts'
import { modelOf } from '../../model/architectures.ts'
import type { PreparedTraining } from '../data/prepare.ts'
import type { Calibration, Plan, TrainingResult } from '../events.ts'
import { inspectTraining } from '../inspect-training.ts'
import type { Metrics } from '../metrics.ts'
import type { TrainingSpec } from '../spec.ts'
import { skippedSteps } from '../step/loss-scale.ts'
import type { Trainer } from '../step/trainer.ts'
import type { CurvePoint, Progress } from './state.ts'

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
  { spec, base, start, labels, train, plan, dataDigest }: PreparedTraining,
  { values }: Trainer,
  progress: Progress,
  calibration: Calibration,
  metrics: Metrics | undefined,
): Promise<TrainingResult> {
  // The label words are a field of their own.
  const {
    method: _,
    base: __,
    out,
    data,
    test,
    from_adapter: _start,
    threads: ___,
    label_words: ____,
    ...settings
  } = spec
  const { positions } = modelOf(base).objective(spec.loss, labels.tokens)
  const outcome = { labels: train.labels, steps: progress.step, loss: progress.loss, positions }
  const summary = {
    steps: progress.step,
    trainable: plan.trainable,
    total: plan.total,
    seconds: progress.seconds,
    reviews_per_second: progress.reviews / progress.seconds,
    loss: progress.loss,
    ...(progress.loss_scale && { skipped_steps: skippedSteps(progress.loss_scale) }),
    calibration,
    ...listSkipped(plan),
    ...(metrics && { accuracy: metrics.accuracy }),
    findings: [...inspectTraining({ ...outcome, calibration, metrics }), ...plan.findings],
    curve: thinCurve(progress.curve),
  }
  const training = {
    ...summary,
    reviews: plan.reviews,
    data_sha256: dataDigest,
    ...(start && { from_adapter: start.digest }),
    settings,
  }
  const recorded =
    metrics && (areRecordsSmall({ training, metrics: { ...metrics } }) ? metrics : withoutTables(metrics))
  const trained = { method: spec.method, values: new Map(Object.entries(values)), layout: spec.style ?? start?.layout }
  await saveAdapter(out, trained, base, {
    label_words: labels.words,
    labels: [...labels.labels],
    truncation: { max_tokens: spec.max_tokens, side: spec.truncation_side },
    ...(calibration.reviews > 0 && { temperature: calibration.temperature }),
    training,
    ...(recorded && { metrics: { ...recorded } }),
    probe_ids: labels.tokens,
    files: { [CURVE_FILE]: drawCurve(spec, progress.curve, metrics) },
  })
  return { checkpoint: resolve(out), ...summary, ...(recorded && { metrics: recorded }) }
}

/** The name of the picture of the loss and the accuracy over the steps. */
const CURVE_FILE = 'training.svg'

const drawCurve = ({ method }: TrainingSpec, curve: readonly CurvePoint[], metrics: Metrics | undefined): string =>
  toSvgDocument(drawTrainingCurve({ title: `Training of ${method.method}`, points: thinCurve(curve), final: metrics }))

/** Returns the rows that were not read, by file, as a field of the result. */
function listSkipped({ data, test }: Plan): Pick<TrainingResult, 'skipped'> {
  const skipped = {
    ...(data.skipped.rows > 0 && { data: data.skipped }),
    ...(test && test.skipped.rows > 0 && { test: test.skipped }),
  }
  return Object.keys(skipped).length > 0 ? { skipped } : {}
}

/** The largest number of points of a curve that is stored. Evaluations between steps may add far more. */
const MAX_CURVE_POINTS = 400

/** Returns the points of a curve at regular intervals, with the last one, if there are too many. */
function thinCurve(curve: readonly CurvePoint[]): readonly CurvePoint[] {
  const interval = Math.ceil(curve.length / MAX_CURVE_POINTS)
  return curve.filter((_, i) => (curve.length - 1 - i) % interval === 0)
}

/** Returns the metrics without their tables, which have a row for each label and may be too large to store. */
const withoutTables = (metrics: Metrics): Metrics => ({ ...metrics, labels: [], classes: [], confusion: [] })
