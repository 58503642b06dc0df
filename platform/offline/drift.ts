import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Base } from '../../checkpoint/base.ts'
import { packageRoot } from '../../core/entry.ts'
import { openPool, type Pool } from '../../graph/runtime/pool.ts'
import { modelOf } from '../../model/architectures.ts'
import { softmax } from '../../model/batch.ts'
import { classifierProgram } from '../../model/programs.ts'
import type { ServingPrecision } from '../../model/quantized-weights.ts'
import { prepareBase } from '../../serving/served-base.ts'
import { readExamples } from '../../training/data/examples.ts'
import { tokenizeExamples, tokenizerOf } from '../../training/data/prepare.ts'
import { computeLogits } from '../../training/evaluate.ts'
import type { Drift } from '../schemas/precisions.ts'

/** The texts that every base is measured on. They come with Graft. */
const SAMPLES = join(packageRoot, 'samples', 'test.jsonl')
const TRUNCATION = { maxTokens: 512, side: 'left' } as const

/**
 * The limits for `auto` to choose int8: no probability of a sample changes by more than the first, and at most one
 * label in forty. A label can then change only if its probability was within 0.05 of another's.
 */
const MAX_CHANGE = 0.05
const MAX_FLIPPED_SHARE = 0.025

export const isSmall = ({ texts, largest_change, flipped }: Drift): boolean =>
  largest_change <= MAX_CHANGE && flipped <= MAX_FLIPPED_SHARE * texts

/** Compares the probabilities of the same texts in both precisions. */
export function compareProbabilities(f32: readonly (readonly number[])[], int8: readonly (readonly number[])[]): Drift {
  const changes = f32.map((p, i) => Math.max(...p.map((value, j) => Math.abs(value - int8[i][j]))))
  const labelOf = (p: readonly number[]) => p.indexOf(Math.max(...p))
  return {
    texts: f32.length,
    largest_change: Math.max(...changes),
    mean_change: changes.reduce((sum, change) => sum + change, 0) / changes.length,
    flipped: f32.filter((p, i) => labelOf(p) !== labelOf(int8[i])).length,
  }
}

/**
 * Measures how predictions of a base in int8 differ from those in f32, on the sample texts and without an adapter.
 * @param threads Defaults to one for each core
 * @throws GraftError `base_incomplete` for a base without a tokenizer, `label_words` if it cannot score the samples
 */
export async function measureDrift(base: Base, threads = availableParallelism()): Promise<Drift> {
  const model = modelOf(base)
  const tokenizer = tokenizerOf(base)
  const { examples, labels: found } = await readExamples(SAMPLES)
  const names = [...found.keys()].sort()
  const words =
    base.labelWords ??
    model.chooseLabelWords?.(names, {}, tokenizer).words ??
    Object.fromEntries(names.map((name) => [name, name]))
  const labels = model.labelTokens(words, tokenizer)
  const { ids } = tokenizeExamples(examples, labels, tokenizer, TRUNCATION, model)
  const pool = openPool(threads)
  try {
    const compute = (precision: ServingPrecision) => computeProbabilities(base, labels.tokens, ids, pool, precision)
    return compareProbabilities(await compute('f32'), await compute('int8'))
  } finally {
    await pool.close()
  }
}

async function computeProbabilities(
  base: Base,
  tokens: readonly number[],
  ids: readonly Int32Array[],
  pool: Pool,
  precision: ServingPrecision,
): Promise<number[][]> {
  const { model, weights } = prepareBase(base, precision)
  const program = classifierProgram(model, undefined, tokens.length, precision)
  const classifier = await pool.load(program, { ...weights, ...model.classInputs(tokens) })
  try {
    return (await computeLogits(classifier, ids, tokens.length, model)).map((logits) => softmax(logits))
  } finally {
    await classifier.unload()
  }
}
