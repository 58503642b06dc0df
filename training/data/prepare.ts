import { isDeepStrictEqual } from 'node:util'
import type { Adapter } from '../../checkpoint/adapter.ts'
import { type Base, loadBase, requireTokenizer } from '../../checkpoint/base.ts'
import { embeddedBase } from '../../checkpoint/embedded-base.ts'
import type { Model } from '../../model/architecture.ts'
import { modelOf } from '../../model/architectures.ts'
import type { ChosenWords } from '../../model/choose-label-words.ts'
import { encodeText, type Truncation } from '../../model/encode.ts'
import type { LabelTokens } from '../../model/label-words.ts'
import { countTrainable } from '../../model/parameter-count.ts'
import { makeTokenizer, type Tokenizer } from '../../model/tokenizer.ts'
import { loadStart } from '../continue-adapter.ts'
import type { Plan, TrainingListener } from '../events.ts'
import type { TrainingSpec } from '../spec.ts'
import type { Example } from './check-row.ts'
import { countContradictory, countLeaked, readExamples, requireClasses } from './examples.ts'
import { holdOut } from './held-out.ts'
import { inspectDataset } from './inspect.ts'
import { inspectLabelWords } from './inspect-label-words.ts'
import { readingOf } from './reading.ts'
import type { FileReading } from './scan-examples.ts'
import { countSteps } from './steps.ts'
import { measureTexts } from './text-facts.ts'

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
  /** The adapter that the training continues from. */
  start?: Adapter
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
  const start = spec.from_adapter === undefined ? undefined : await loadStart(spec.from_adapter, base, spec.method)
  const tokenizer = tokenizerOf(base)
  onEvent({ type: 'stage', message: 'Reading the reviews' })
  const data = await readExamples(spec.data, readingOf(spec))
  const { examples } = data
  requireClasses(data, spec.data)
  const labelNames = [...data.labels.keys()].sort()
  const model = modelOf(base)
  const words = spec.label_words ?? wordsOf(start, labelNames)
  const chosen = chooseWords(labelNames, { label_words: words }, base, tokenizer)
  const labels = model.labelTokens(chosen.words, tokenizer)
  const testReading = { ...(spec.test_reading ?? readingOf(spec)), labels: labels.labels }
  const test = spec.test ? await readExamples(spec.test, testReading) : undefined
  onEvent({ type: 'stage', message: `Tokenizing ${examples.length + (test?.examples.length ?? 0)} reviews` })
  const truncation: Truncation = { maxTokens: spec.max_tokens, side: spec.truncation_side }
  // A stored specification without the field is of a training that holds out nothing.
  const { trained, heldOut } = holdOut(examples, spec.calibration_rows ?? 0, spec.seed)
  const train = tokenizeExamples(trained, labels, tokenizer, truncation, model)
  const lengths = Int32Array.from(train.ids, ({ length }) => length)
  const { steps, examples: reviews, tokens, padding } = countSteps(lengths, spec)
  const { trainable, total, percent } = countTrainable(spec.method, model)
  const leaked = test && countLeaked(examples, test.examples)
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
    ...(leaked !== undefined && { leaked }),
    held_out: heldOut.length,
    truncated: train.truncated.filter(Boolean).length,
    data: toFileReading(data),
    ...(test && { test: toFileReading(test) }),
    findings: [
      ...inspectDataset({
        ...data,
        contradictory: countContradictory(examples),
        ...(test && leaked !== undefined && { leaked: { count: leaked, rows: test.rows } }),
        texts: measureTexts(examples, tokenizer),
      }),
      ...inspectLabelWords(chosen),
    ],
  }
  onEvent({ type: 'plan', plan })
  return {
    spec,
    base,
    ...(start && { start }),
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

const toFileReading = ({ columns, encoding, skipped }: FileReading): FileReading => ({
  ...(columns && { columns }),
  encoding,
  skipped,
})

/** @throws GraftError `base_incomplete` for a base without a tokenizer */
export function tokenizerOf(base: Base): Tokenizer {
  const { json, config } = requireTokenizer(base)
  return makeTokenizer(json, config)
}

/** Returns the label words of an adapter, if it has these labels. */
function wordsOf(adapter: Adapter | undefined, labels: readonly string[]): TrainingSpec['label_words'] {
  const words = adapter?.manifest?.label_words
  return words && isDeepStrictEqual(Object.keys(words).sort(), labels) ? words : undefined
}

/** Returns the word of each label. A model that does not score words keeps the labels themselves. */
function chooseWords(
  labels: readonly string[],
  spec: Pick<TrainingSpec, 'label_words'>,
  base: Base,
  tokenizer: Tokenizer,
): ChosenWords {
  const words = { set: spec.label_words, defaults: base.labelWords }
  return (
    modelOf(base).chooseLabelWords?.(labels, words, tokenizer) ?? {
      words: Object.fromEntries(labels.map((label) => [label, label])),
      sentiments: [],
      others: [],
    }
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
