import { availableParallelism } from 'node:os'
import { loadAdapter } from '../../checkpoint/adapter.ts'
import { loadBase } from '../../checkpoint/base.ts'
import { chooseDevice } from '../../graph/runtime/choose-device.ts'
import type { DeviceKind } from '../../graph/runtime/device-description.ts'
import { openRuntime } from '../../graph/runtime/runtime.ts'
import { labelTokens } from '../../model/label-words.ts'
import { classifierProgram } from '../../model/programs.ts'
import { answersOf } from '../../serving/adapter-answers.ts'
import { readReviews } from '../../training/data.ts'
import { evaluate } from '../../training/evaluate.ts'
import type { Metrics } from '../../training/metrics.ts'
import { encodeAll, tokenizerOf } from '../../training/prepare.ts'

export type { Metrics } from '../../training/metrics.ts'

export interface EvaluationRequest {
  base: string
  checkpoint: string
  data: string
  threads?: number
  device?: DeviceKind
}

/**
 * Measures a checkpoint on reviews with labels.
 * @param onProgress reviews done so far, of how many
 */
export async function evaluateCheckpoint(
  { base: folder, checkpoint, data, threads = availableParallelism(), device = 'cpu' }: EvaluationRequest,
  onProgress: (done: number, of: number) => void,
): Promise<Metrics> {
  const base = await loadBase(folder)
  const adapter = await loadAdapter(checkpoint, base)
  const tokenizer = tokenizerOf(base)
  const { words, cut } = answersOf(adapter, base, checkpoint)
  const labels = labelTokens(words, tokenizer)
  const { reviews } = await readReviews(data, { labels: labels.labels })
  const examples = encodeAll(reviews, labels, tokenizer, cut, base)
  await chooseDevice(device, 'f32')
  const pool = openRuntime(device, threads)
  try {
    const bound = {
      ...Object.fromEntries(base.tensors),
      ...Object.fromEntries(adapter.values),
      words: Int32Array.from(labels.tokens),
    }
    const classifier = await pool.load(classifierProgram(base.t5, adapter.method, labels.tokens.length), bound)
    return await evaluate(classifier, examples, labels.labels, base.t5, (done) => onProgress(done, reviews.length))
  } finally {
    await pool.close()
  }
}
