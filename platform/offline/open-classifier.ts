import { loadAdapter } from '../../checkpoint/adapter.ts'
import { loadBase } from '../../checkpoint/base.ts'
import type { Pool } from '../../graph/runtime/pool.ts'
import { modelOf } from '../../model/architectures.ts'
import { countTrainable } from '../../model/parameter-count.ts'
import { classifierProgram } from '../../model/programs.ts'
import type { ServingPrecision } from '../../model/quantized-weights.ts'
import type { Tokenizer } from '../../model/tokenizer.ts'
import { settingsOf } from '../../serving/adapter-settings.ts'
import { prepareBase } from '../../serving/served-base.ts'
import type { Example } from '../../training/data/check-row.ts'
import { tokenizeExamples, tokenizerOf } from '../../training/data/prepare.ts'
import { predictAll } from '../../training/evaluate.ts'
import type { Prediction } from '../../training/metrics.ts'

interface Classified {
  predictions: Prediction[]
  lengths: readonly number[]
}

/**
 * Loads and validates an adapter, to classify labeled reviews.
 * @param folder the folder of the base
 * @param checkpoint the folder of an adapter or a full model
 * @param precision defaults to `f32`
 * @throws GraftError if the base or the adapter is not valid
 */
export async function openClassifier(folder: string, checkpoint: string, precision: ServingPrecision = 'f32') {
  const base = await loadBase(folder)
  const adapter = await loadAdapter(checkpoint, base)
  const tokenizer: Tokenizer = tokenizerOf(base)
  const { words, truncation, temperature } = settingsOf(adapter, base, checkpoint)
  const model = modelOf(base)
  const labels = model.labelTokens(words, tokenizer)
  return {
    labels: labels.labels,
    /** The number of trained parameters. */
    trainable: countTrainable(adapter.method, model).trainable,
    /**
     * @param onProgress called with the number of reviews classified so far
     * @returns a prediction for each review, in their order, and the number of tokens that each has before truncation
     */
    async classify(examples: readonly Example[], pool: Pool, onProgress: (done: number) => void): Promise<Classified> {
      const tokenized = tokenizeExamples(examples, labels, tokenizer, truncation, model)
      // An adapter may replace weights of the base.
      const tensors = new Map([...base.tensors, ...adapter.values])
      const { weights } = prepareBase({ ...base, tensors }, precision)
      const program = classifierProgram(model, adapter.method, labels.tokens.length, precision)
      const classifier = await pool.load(program, { ...weights, ...model.classInputs(labels.tokens) })
      try {
        const predictions = await predictAll(classifier, tokenized, labels.labels, model, {
          temperature,
          onProgress,
        })
        return { predictions, lengths: tokenized.lengths }
      } finally {
        await classifier.unload()
      }
    },
  }
}
