import type { LoadedProgram } from '../graph/runtime/pool.ts'
import type { Data, Feeds } from '../graph/runtime/session.ts'
import type { Symbols } from '../graph/types.ts'
import type { Model } from '../model/architecture.ts'
import { padBatch } from '../model/batch.ts'
import type { QueueEntry } from './queue-entry.ts'

/** The inputs of a batch for the parameters of its adapters, and the sizes of their symbols. */
export interface ParameterFeeds {
  feeds: Feeds
  sizes?: Symbols
}

/** The sizes of a batch. */
export interface BatchSizes {
  readonly batch: number
  /** The tokens of the longest row. */
  readonly source: number
  /** The labels of the row that has the most. */
  readonly labels: number
}

/**
 * Runs a batch on a program, once it is loaded, and keeps its adapters in place. The output of the program must be
 * `scores`, logits [batch, 1, labels].
 * @returns the logits of each entry's label words
 */
export async function runBatch(
  program: LoadedProgram | Promise<LoadedProgram>,
  entries: readonly QueueEntry[],
  model: Model,
  parameters: ParameterFeeds,
): Promise<Float32Array[]> {
  const { results, labels } = await runEntries(program, entries, model, parameters)
  const logits = results.scores as Float32Array // [B, labels]
  return entries.map(({ adapter }, i) => logits.slice(i * labels, i * labels + adapter.words.length))
}

/**
 * Runs a batch as {@link runBatch} does, on a program with any outputs.
 * @param feedsOf returns inputs in addition to those of a classification. Defaults to none
 */
export async function runEntries(
  program: LoadedProgram | Promise<LoadedProgram>,
  entries: readonly QueueEntry[],
  model: Model,
  parameters: ParameterFeeds,
  feedsOf: (sizes: BatchSizes) => Feeds = () => ({}),
): Promise<BatchSizes & { results: Record<string, Data> }> {
  const { inputIds, attentionMask, batch, source } = padBatch(
    entries.map(({ ids }) => ids),
    model.padTokenId,
  )
  const labels = Math.max(...entries.map(({ adapter }) => adapter.words.length))
  const words = new Int32Array(batch * labels)
  for (const [i, { adapter }] of entries.entries()) words.set(adapter.words, i * labels)
  const feeds = {
    input_ids: inputIds,
    attention_mask: attentionMask,
    ...model.rowInputs(batch),
    ...model.classInputs(words),
    ...parameters.feeds,
    ...feedsOf({ batch, source, labels }),
  }
  const releases = entries.map(({ adapter }) => adapter.hold())
  try {
    const loaded = program instanceof Promise ? await program : program
    const results = await loaded.run(feeds, { batch, source, labels, ...parameters.sizes })
    return { results, batch, source, labels }
  } finally {
    for (const release of releases) release()
  }
}
