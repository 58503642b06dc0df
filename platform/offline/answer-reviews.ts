import { loadAdapter } from '../../checkpoint/adapter.ts'
import { loadBase } from '../../checkpoint/base.ts'
import type { Pool } from '../../graph/runtime/pool.ts'
import { type LabelTokens, labelTokens } from '../../model/label-words.ts'
import { classifierProgram } from '../../model/programs.ts'
import type { Tokenizer } from '../../model/tokenizer.ts'
import { answersOf } from '../../serving/adapter-answers.ts'
import type { Review } from '../../training/data/examples.ts'
import { encodeAll, tokenizerOf } from '../../training/data/prepare.ts'
import { answerAll } from '../../training/evaluate.ts'
import type { Answer } from '../../training/metrics.ts'

interface Answers {
  answers: Answer[]
  lengths: readonly number[]
}

/**
 * An adapter that is read and checked, to answer reviews.
 * @param folder of the base
 * @param checkpoint folder of an adapter or a model
 * @throws GraftError what is wrong with either
 */
export async function openAnswerer(folder: string, checkpoint: string) {
  const base = await loadBase(folder)
  const adapter = await loadAdapter(checkpoint, base)
  const tokenizer: Tokenizer = tokenizerOf(base)
  const { words, truncation } = answersOf(adapter, base, checkpoint)
  const labels: LabelTokens = labelTokens(words, tokenizer)
  return {
    labels: labels.labels,
    /**
     * @param onProgress reviews done so far
     * @returns for each review, in their order, an answer and the tokens that it has before it is truncation
     */
    async answer(reviews: readonly Review[], pool: Pool, onProgress: (done: number) => void): Promise<Answers> {
      const examples = encodeAll(reviews, labels, tokenizer, truncation, base)
      const bound = {
        ...Object.fromEntries(base.tensors),
        ...Object.fromEntries(adapter.values),
        words: Int32Array.from(labels.tokens),
      }
      const classifier = await pool.load(classifierProgram(base.t5, adapter.method, labels.tokens.length), bound)
      try {
        const answers = await answerAll(classifier, examples, labels.labels, base.t5, onProgress)
        return { answers, lengths: examples.lengths }
      } finally {
        await classifier.unload()
      }
    },
  }
}
