import { makeRandom } from '../core/random.ts'
import { buildProgram, type Program } from '../graph/program.ts'
import { openPool } from '../graph/runtime/pool.ts'
import type { Tensor } from '../graph/tensor.ts'
import { padBatch } from '../model/batch.ts'
import { combineEdits } from '../model/edits.ts'
import { weightInputs } from '../model/programs.ts'
import { inPrecision, type ServingPrecision } from '../model/quantized-weights.ts'
import { prepareBase } from '../serving/served-base.ts'
import { LABEL_IDS, modelWithoutWeights, randomBase } from './random-model.ts'

/** A classifier to measure. */
export interface ClassifierJob {
  config: unknown
  precision: ServingPrecision
  workers: number
  /** True to run one batch at a time, as for a client that waits for each response. */
  one?: boolean
}

/** Returns the program that `graft serve` runs for rows without an adapter. */
export function randomClassifierProgram({ config, precision }: Pick<ClassifierJob, 'config' | 'precision'>): Program {
  const model = modelWithoutWeights(config)
  const inputs = weightInputs(model)
  const plain = { weight: (name: string) => inputs.get(name) as Tensor, edits: combineEdits([]) }
  const scores = model.classLogits(inPrecision(plain, precision, model), ['batch', 'labels'])
  return buildProgram('classifier', { scores })
}

/** Opens a T5 with random weights that classifies random texts, with the programs and the pool of `graft serve`. */
export async function openRandomClassifier({ config, precision, workers, one = false }: ClassifierJob) {
  const { model, weights } = prepareBase(randomBase(config), precision)
  const pool = openPool(workers)
  const program = await pool.load(randomClassifierProgram({ config, precision }), weights, { wide: true })
  const draw = makeRandom(0, 'benchmark')
  return {
    /** Classifies texts of these lengths in these batches, and returns the seconds. */
    async classify(batches: readonly (readonly number[])[]): Promise<number> {
      const padded = batches.map((lengths) =>
        padBatch(
          lengths.map((length) => Int32Array.from({ length }, () => 2 + draw.integer(model.vocabSize - 2))),
          model.padTokenId,
        ),
      )
      const started = performance.now()
      const run = ({ inputIds, attentionMask, batch, source }: (typeof padded)[number]) =>
        program.run(
          {
            input_ids: inputIds,
            attention_mask: attentionMask,
            ...model.rowInputs(batch),
            ...model.classInputs(Array.from({ length: batch }, () => LABEL_IDS).flat()),
          },
          { batch, source, labels: LABEL_IDS.length },
        )
      if (one) for (const batch of padded) await run(batch)
      else await Promise.all(padded.map(run))
      return (performance.now() - started) / 1000
    },
    close: () => pool.close(),
  }
}
