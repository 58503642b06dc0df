import { fail } from '../core/errors.ts'
import { MAX_COMPLETENESS_ERROR, MAX_POINTS } from '../core/explanation-precision.ts'
import { unlessAborted } from '../core/unless-aborted.ts'
import type { Explanation } from './engine-types.ts'
import { integratePath, type PathPoint, type Precision } from './integrate-path.ts'
import type { Explainer, Point, QueueEntry } from './queue-entry.ts'

const DEFAULT_PRECISION: Precision = { tolerance: MAX_COMPLETENESS_ERROR, maxPoints: MAX_POINTS }

/** The points of an explanation that wait at the same time, so that other texts of the same client wait briefly. */
const POINTS_AT_ONCE = 8

/**
 * The bytes that a single point may take on its thread. By its program, a text of 512 tokens takes 42 MiB on the
 * embedded base and 124 MiB on T5-small, and one of 2,048 tokens 456 MiB and 1.2 GiB.
 */
const MAX_POINT_BYTES = 2 ** 30

/**
 * Explains a prediction by integrated gradients (Sundararajan et al. 2017, arXiv 1703.01365): what each word of the
 * text contributes to the difference of logits between the predicted label and the one after it. Points are added
 * until the contributions add up to the difference.
 * @param entry the text, with its words located
 * @param logits those of the prediction
 * @param compute runs points. Each result has the difference at a point and the contribution of each token
 * @throws GraftError `text_invalid` if the text is too long to be explained
 */
export async function explain(
  entry: QueueEntry,
  logits: Float32Array,
  compute: (points: QueueEntry[]) => readonly Promise<Float32Array>[],
  signal: AbortSignal,
  precision: Precision = DEFAULT_PRECISION,
): Promise<Explanation> {
  const explainer = await unlessAborted(entry.adapter.mixture.explainer(entry.adapter), signal)
  requireMemory(entry, explainer)
  const [target, against] = findTopTwo(logits)
  const evaluate = async (alphas: readonly number[]): Promise<PathPoint[]> => {
    const results: PathPoint[] = []
    for (let from = 0; from < alphas.length; from += POINTS_AT_ONCE) {
      const some = alphas.slice(from, from + POINTS_AT_ONCE)
      const points = some.map((alpha) => toEntry(entry, { explainer, alpha, target, against }))
      for (const result of await Promise.all(compute(points)))
        results.push({ value: result[0], rates: result.subarray(1) })
    }
    return results
  }
  const { contributions, values, completenessError, points } = await integratePath(evaluate, precision)
  const { labels } = entry.adapter.description
  return {
    target: labels[target],
    against: labels[against],
    difference: values[1],
    baseline_difference: values[0],
    completeness_error: completenessError,
    steps: points,
    ...sumWords(entry, contributions),
  }
}

const toEntry = (entry: QueueEntry, point: Point): QueueEntry => {
  const now = performance.now()
  return { ...entry, point, times: { received: now, tokenized: now, started: 0 } }
}

/** Returns the indices of the two largest logits. */
function findTopTwo(logits: Float32Array): [number, number] {
  const [first, second] = [...logits.keys()].sort((a, b) => logits[b] - logits[a])
  return [first, second]
}

function sumWords({ row, located }: QueueEntry, tokens: Float64Array): Pick<Explanation, 'words' | 'other'> {
  const { words, wordOf } = located as NonNullable<QueueEntry['located']>
  const contributions = new Float64Array(words.length)
  let other = 0
  for (const [t, word] of wordOf.entries())
    if (word < 0) other += tokens[t]
    else contributions[word] += tokens[t]
  return {
    words: words.map(({ start, end }, i) => ({
      text: row.text.slice(start, end),
      start,
      end,
      contribution: contributions[i],
    })),
    other,
  }
}

/** @throws GraftError `text_invalid` */
function requireMemory({ ids, adapter, row }: QueueEntry, explainer: Explainer): void {
  const shape = { length: ids.length, labels: adapter.words.length, isMixed: false }
  const bytes = explainer.batchBytes(adapter)(1, shape)
  if (bytes > MAX_POINT_BYTES)
    fail('text_invalid', {
      subject: row.subject ?? 'the text',
      problem: `has ${ids.length} tokens, and its explanation would need ${Math.ceil(bytes / 2 ** 20)} MiB at a time; the limit is ${MAX_POINT_BYTES / 2 ** 20}`,
      fix: 'Send a shorter text, or classify it without an explanation.',
    })
}
