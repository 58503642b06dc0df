import { type Base, loadBase, requireTokenizer } from '../../checkpoint/base.ts'
import { embeddedBase } from '../../checkpoint/embedded-base.ts'
import { encodeReview, type Truncation } from '../../model/encode.ts'
import { type LabelTokens, labelTokens } from '../../model/label-words.ts'
import { ledger } from '../../model/parameter-count.ts'
import { makeTokenizer, type Tokenizer } from '../../model/tokenizer.ts'
import type { Plan, TrainingEvent } from '../events.ts'
import type { TrainingSpec } from '../spec.ts'
import { leakage, type Review, readReviews, requireClasses } from './examples.ts'
import { countSteps } from './steps.ts'

/** Tokenised reviews: row i has `ids[i]` and the label of number `labels[i]`. */
export interface Examples {
  ids: readonly Int32Array[]
  labels: readonly number[]
  truncated: readonly boolean[]
}

/** A training that is ready to begin: everything is read and checked. */
export interface Prepared {
  spec: TrainingSpec
  base: Base
  labels: LabelTokens
  train: Examples
  lengths: Int32Array
  test?: Examples
  /** SHA-256 of the training data: a saved state goes on with these alone. */
  dataDigest: string
  testDigest?: string
  plan: Plan
}

type Listen = (event: TrainingEvent) => void

export async function prepare(spec: TrainingSpec, threads: number, listen: Listen): Promise<Prepared> {
  listen({ type: 'stage', message: 'Reading the base' })
  const base = await loadBase(spec.base ?? embeddedBase)
  const tokenizer = tokenizerOf(base)
  listen({ type: 'stage', message: 'Reading the reviews' })
  const data = await readReviews(spec.data, { skipBad: spec.skip_bad })
  requireClasses(data.reviews, spec.data)
  const found = [...new Set(data.reviews.map(({ label }) => label))].sort()
  const labels = labelTokens(wordsFor(found, spec, base), tokenizer)
  const test = spec.test ? await readReviews(spec.test, { labels: labels.labels, skipBad: spec.skip_bad }) : undefined
  listen({ type: 'stage', message: `Tokenising ${data.reviews.length + (test?.reviews.length ?? 0)} reviews` })
  const truncation: Truncation = { maxTokens: spec.max_tokens, side: spec.truncation_side }
  const train = encodeAll(data.reviews, labels, tokenizer, truncation, base)
  const lengths = Int32Array.from(train.ids, ({ length }) => length)
  const { steps, reviews, tokens, padding } = countSteps(lengths, spec)
  const { trainable, total, percent } = ledger(spec.method, base.t5)
  const plan: Plan = {
    method: spec.method.method,
    trainable,
    total,
    percent,
    reviews,
    tokens,
    steps,
    padding,
    device: spec.device,
    threads,
    ...(spec.batch_size === undefined ? { batch_tokens: spec.batch_tokens } : { batch_size: spec.batch_size }),
    learning_rate: spec.learning_rate,
    labels: labels.words,
    duplicates: data.duplicates,
    ...(test && { leaked: leakage(data.reviews, test.reviews) }),
    truncated: train.truncated.filter(Boolean).length,
  }
  listen({ type: 'plan', plan })
  return {
    spec,
    base,
    labels,
    train,
    lengths,
    test: test && encodeAll(test.reviews, labels, tokenizer, truncation, base),
    dataDigest: data.sha256,
    testDigest: test?.sha256,
    plan,
  }
}

/** @throws GraftError `base_incomplete` for a base without a tokenizer */
export function tokenizerOf(base: Base): Tokenizer {
  const { json, config } = requireTokenizer(base)
  return makeTokenizer(json, config)
}

/** A label's word is the one asked for, else the base's default, else the label itself. */
function wordsFor(labels: readonly string[], spec: TrainingSpec, base: Base): Record<string, string> {
  return Object.fromEntries(
    labels.map((label) => [label, spec.label_words?.[label] ?? base.labelWords?.[label] ?? label]),
  )
}

/** @returns the examples, and how many tokens each review has before it is cut */
export function encodeAll(
  reviews: readonly Review[],
  { labels }: LabelTokens,
  tokenizer: Tokenizer,
  truncation: Truncation,
  { t5 }: Base,
): Examples & { lengths: readonly number[] } {
  const encoded = reviews.map(({ text }) => encodeReview(tokenizer, text, truncation, t5.eosTokenId))
  return {
    ids: encoded.map(({ ids }) => ids),
    truncated: encoded.map(({ truncated }) => truncated),
    labels: reviews.map(({ label }) => labels.indexOf(label)),
    lengths: encoded.map(({ tokens }) => tokens),
  }
}
