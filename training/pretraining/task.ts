import type { Base } from '../../checkpoint/base.ts'
import { fail } from '../../core/errors.ts'
import { makeRandom } from '../../core/random.ts'
import type { Values } from '../../graph/runtime/session.ts'
import type { Model, Pretraining } from '../../model/architecture.ts'
import { padBatch } from '../../model/batch.ts'
import type { Tokenizer } from '../../model/tokenizer.ts'
import { batchEpoch } from '../data/batches.ts'
import { MICRO_MULTIPLE, MICRO_TOKENS } from '../data/steps.ts'
import type { MicroBatch } from '../step/gradient-accumulator.ts'
import type { TaskConfig } from './config.ts'
import { readCorpus } from './corpus.ts'
import type { Example, Objective } from './objectives/objective.ts'
import { makeObjective } from './objectives/registry.ts'
import { cutSegments, type Segment } from './segments.ts'

/** Micro-batches of segments. */
export type Batch = readonly (readonly Segment[])[]

/** A corpus and the objectives that are trained on it. */
export interface Task {
  config: TaskConfig
  /** SHA-256 of the corpus, hex. */
  digest: string
  objectives: readonly Objective[]
  /** Yields the batches of the task without end, each a list of micro-batches of segments. */
  batches(): Generator<Batch>
  /** The batches of the held-out documents. */
  heldOut: readonly Batch[]
  /** Returns the inputs of a batch. The tokens that objectives remove depend on the seed and this number. */
  toMicroBatches(batch: Batch, number: number): MicroBatch[]
}

export interface TaskSetting {
  base: Base
  model: Model
  pretraining: Pretraining
  tokenizer: Tokenizer
  seed: number
  heldOut: number
}

/**
 * Reads the corpus of a task and makes its objectives.
 * @throws GraftError if the corpus is not valid, or lacks what an objective needs
 */
export async function openTask(
  config: TaskConfig,
  { base, model, pretraining, tokenizer, seed, heldOut }: TaskSetting,
): Promise<Task> {
  const corpus = await readCorpus(config.data, tokenizer, model)
  const { before, after } = model.frame
  const room = Math.max(...config.tokens) - before.length - after.length
  const objectives = config.objectives.map((entry, i) =>
    makeObjective(entry, {
      name: `${config.name}.${i}_${entry.kind}`,
      base,
      model,
      pretraining,
      tokenizer,
      corpus,
      path: config.data,
      maxTokens: room,
    }),
  )
  const corrupting = objectives.find(({ corrupt }) => corrupt)
  if (corrupting && objectives.length > 1)
    fail('usage', {
      subject: `the task ${config.name}`,
      problem: 'combines an objective that removes tokens with others',
      fix: 'Give cloze and span_corruption tasks of their own.',
    })

  const toExample = (segment: Segment, number: number): Example => {
    const whole = corpus.ids.subarray(segment.from, segment.to)
    const { ids, removed } = corrupting?.corrupt?.(
      whole,
      makeRandom(seed, `${config.name} ${number} ${segment.from}`),
    ) ?? { ids: whole, removed: [] }
    return { segment, ids: Int32Array.from([...before, ...ids, ...after]), removed }
  }
  const documents = corpus.documents.at(-1) ?? 0
  const firstTrained = corpus.documents.findIndex(
    (document) => document >= Math.min(heldOut, Math.floor(documents / 2)),
  )
  const epochBatches = (epoch: number, trained: boolean) => {
    const tokens = config.tokens.map((limit) => limit - before.length - after.length)
    const all = cutSegments(corpus, { rows: config.rows, tokens, seed, epoch })
    const segments = all.filter(({ firstRow }) => firstRow >= firstTrained === trained)
    const lengths = Int32Array.from(segments, ({ from, to }) => to - from + before.length + after.length)
    return batchEpoch(lengths, {
      batch: { tokens: config.batch_tokens },
      microTokens: MICRO_TOKENS,
      microMultiple: MICRO_MULTIPLE,
      seed,
      epoch,
    }).map((micros) => micros.map((rows) => rows.map((row) => segments[row])))
  }

  return {
    config,
    digest: corpus.sha256,
    objectives,
    *batches() {
      for (let epoch = 0; ; epoch++) yield* epochBatches(epoch, true)
    },
    heldOut: firstTrained > 0 ? epochBatches(0, false) : [],
    toMicroBatches(batch, number) {
      const examples = batch.map((micro) => micro.map((segment) => toExample(segment, number)))
      const counts = objectives.map(({ count }) => examples.flat().reduce((sum, example) => sum + count(example), 0))
      return examples.map((micro) => {
        const {
          inputIds,
          attentionMask,
          batch: rows,
          source,
        } = padBatch(
          micro.map(({ ids }) => ids),
          model.padTokenId,
        )
        const own = objectives.map(({ inputs }, i) => inputs(micro, source, Math.max(counts[i], 1)))
        return {
          feeds: Object.assign(
            { input_ids: inputIds, attention_mask: attentionMask, ...model.rowInputs(rows) },
            ...own.map(({ feeds }) => feeds),
          ) as Values,
          symbols: Object.assign({ batch: rows, source }, ...own.map(({ symbols }) => symbols)),
        }
      })
    },
  }
}
