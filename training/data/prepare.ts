import { type Base, loadBase, requireTokenizer } from '../../checkpoint/base.ts'
import { embeddedBase } from '../../checkpoint/embedded-base.ts'
import type { Model } from '../../model/architecture.ts'
import { modelOf } from '../../model/architectures.ts'
import { encodeText, type Truncation } from '../../model/encode.ts'
import type { LabelTokens } from '../../model/label-words.ts'
import { countTrainable } from '../../model/parameter-count.ts'
import { makeTokenizer, type Tokenizer } from '../../model/tokenizer.ts'
import type { Plan, TrainingListener } from '../events.ts'
import type { TrainingSpec } from '../spec.ts'
import { countLeaked, type Example, readExamples, requireClasses } from './examples.ts'
import { holdOut } from './held-out.ts'
import { countSteps } from './steps.ts'

/** Examples as token ids. Row i has `ids[i]` and the label with index `labels[i]`. */
export interface TokenizedExamples {
  ids: readonly Int32Array[]
  labels: readonly number[]
  truncated: readonly boolean[]
}

/** A training that is ready to start: everything is read and validated. */
export interface PreparedTraining {
  spec: TrainingSpec
  base: Base
  labels: LabelTokens
  train: TokenizedExamples
  /** Tokens of each training example. */
  lengths: Int32Array
  /** Examples of the training data that are not trained on. The temperature is fitted to them. */
  heldOut: TokenizedExamples
  test?: TokenizedExamples
  /** SHA-256 of the training data. A saved state can only continue with the same data. */
  dataDigest: string
  testDigest?: string
  plan: Plan
}

/**
 * Reads and validates the base and the data, and computes the plan.
 * @throws GraftError if the base or the data are not valid
 */
export async function prepare(
  spec: TrainingSpec,
  threads: number,
  onEvent: TrainingListener,
): Promise<PreparedTraining> {
  onEvent({ type: 'stage', message: 'Reading the base' })
  const base = await loadBase(spec.base ?? embeddedBase)
  const tokenizer = tokenizerOf(base)
  onEvent({ type: 'stage', message: 'Reading the reviews' })
  const data = await readExamples(spec.data, { skipBad: spec.skip_bad })
  requireClasses(data.examples, spec.data)
  const labelNames = [...new Set(data.examples.map(({ label }) => label))].sort()
  const model = modelOf(base)
  const labels = model.labelTokens(labelWordsFor(labelNames, spec, base), tokenizer)
  const test = spec.test ? await readExamples(spec.test, { labels: labels.labels, skipBad: spec.skip_bad }) : undefined
  onEvent({ type: 'stage', message: `Tokenizing ${data.examples.length + (test?.examples.length ?? 0)} reviews` })
  const truncation: Truncation = { maxTokens: spec.max_tokens, side: spec.truncation_side }
  // A stored specification without the field is of a training that holds out nothing.
  const { trained, heldOut } = holdOut(data.examples, spec.calibration_rows ?? 0, spec.seed)
  const train = tokenizeExamples(trained, labels, tokenizer, truncation, model)
  const lengths = Int32Array.from(train.ids, ({ length }) => length)
  const { steps, examples, tokens, padding } = countSteps(lengths, spec)
  const { trainable, total, percent } = countTrainable(spec.method, model)
  const plan: Plan = {
    method: spec.method.method,
    trainable,
    total,
    percent,
    reviews: examples,
    tokens,
    steps,
    padding,
    device: spec.device,
    threads,
    ...(spec.batch_size === undefined ? { batch_tokens: spec.batch_tokens } : { batch_size: spec.batch_size }),
    learning_rate: spec.learning_rate,
    labels: labels.words,
    duplicates: data.duplicates,
    ...(test && { leaked: countLeaked(data.examples, test.examples) }),
    held_out: heldOut.length,
    truncated: train.truncated.filter(Boolean).length,
  }
  onEvent({ type: 'plan', plan })
  return {
    spec,
    base,
    labels,
    train,
    lengths,
    heldOut: tokenizeExamples(heldOut, labels, tokenizer, truncation, model),
    test: test && tokenizeExamples(test.examples, labels, tokenizer, truncation, model),
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

/** Returns the word of each label: as specified, or the default of the base, or the label itself. */
function labelWordsFor(labels: readonly string[], spec: TrainingSpec, base: Base): Record<string, string> {
  return Object.fromEntries(
    labels.map((label) => [label, spec.label_words?.[label] ?? base.labelWords?.[label] ?? label]),
  )
}

/**
 * Tokenizes examples and truncates their texts.
 * @returns the examples, and the number of tokens that each has before truncation
 */
export function tokenizeExamples(
  examples: readonly Example[],
  { labels }: LabelTokens,
  tokenizer: Tokenizer,
  truncation: Truncation,
  { frame }: Model,
): TokenizedExamples & { lengths: readonly number[] } {
  const encoded = examples.map(({ text }) => encodeText(tokenizer, text, truncation, frame))
  return {
    ids: encoded.map(({ ids }) => ids),
    truncated: encoded.map(({ truncated }) => truncated),
    labels: examples.map(({ label }) => labels.indexOf(label)),
    lengths: encoded.map(({ tokens }) => tokens),
  }
}
