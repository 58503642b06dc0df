import { paddedSize } from '../../graph/runtime/padding.ts'
import type { LoadedProgram, Pool } from '../../graph/runtime/pool.ts'
import { modelOf } from '../../model/architectures.ts'
import { padBatch } from '../../model/batch.ts'
import { parametersOf } from '../../model/methods/registry.ts'
import { classifierProgram } from '../../model/programs.ts'
import type { PreparedTraining } from '../data/prepare.ts'
import { type Step, trainingSteps } from '../data/steps.ts'
import { learningRateAt } from '../schedule.ts'
import { drawDropoutRows, makeDropoutBank, makeDropoutMasks } from './dropout.ts'
import type { MicroBatch } from './gradient-accumulator.ts'
import { gradientProgram, roundedWeights } from './gradient-program.ts'
import { initialLossScale } from './loss-scale.ts'
import { estimateMemory, requireMemory } from './memory-estimate.ts'
import { openStepper } from './open-stepper.ts'
import { allocateMoments, type TrainingVectors } from './optimizer.ts'
import { allocateInitial, allocateValues } from './packed-tensors.ts'
import type { Stepper } from './stepper.ts'

/** The parameters of a training, and the operations on them. */
export interface Trainer {
  readonly vectors: TrainingVectors
  /** The trained tensors by name, as views of `vectors.theta`. */
  readonly values: Readonly<Record<string, Float32Array>>
  /** Takes the step with this index, from 0. */
  step(rows: Step, index: number): Promise<void>
  /** The vector of dynamic loss scaling: [factor, good steps, skipped steps]. Only set with precision f16. */
  readonly lossScale?: Float32Array
  readonly stepper: Pick<Stepper, 'readLosses' | 'lossReadInterval' | 'download' | 'upload'>
  /** Returns the forward pass with the current parameters. It is loaded on first use. */
  classifier(): Promise<LoadedProgram>
}

/**
 * Opens a trainer whose parameters have the values of the adapter that the training continues from, or the initial
 * values of the method.
 * @throws GraftError `training_too_large` if the training needs more memory than the machine has
 */
export async function openTrainer(prepared: PreparedTraining, pool: Pool): Promise<Trainer> {
  const { spec, base, start, labels, train, lengths, plan } = prepared
  const model = modelOf(base)
  const parameters = parametersOf(spec.method, model)
  const objective = model.objective(spec.loss, labels.tokens)
  const dropout = spec.dropout > 0 ? makeDropoutMasks(spec.dropout, spec.max_tokens) : undefined
  const program = gradientProgram(model, spec.method, objective, { dropout, precision: spec.precision })
  const rounded = roundedWeights(spec.precision, base.tensors, model)
  const columns = dropout?.columns({ source: paddedSize(spec.max_tokens) }) ?? 0
  // A device has its own memory, and reports itself that it has too little.
  if (spec.device === 'cpu')
    requireMemory(
      estimateMemory({
        gradientProgram: program,
        weights: [...base.tensors.values(), ...Object.values(rounded)],
        trained: parameters,
        threads: pool.size,
        columns,
        // The micro-batches of later epochs are of the same kind.
        steps: trainingSteps(lengths, { ...spec, epochs: 1, steps: undefined }),
        lengths,
      }),
    )
  const { vector: theta, views: values } = start
    ? allocateValues(parameters, start.values)
    : allocateInitial(parameters, base.tensors, spec.seed)
  const vectors = allocateMoments(theta)
  const lossScale = spec.precision === 'f16' ? initialLossScale() : undefined
  const stepper = await openStepper(pool, {
    gradientProgram: program,
    parameters,
    vectors,
    values,
    precision: spec.precision,
    lossScale,
    bound: {
      ...Object.fromEntries(base.tensors),
      ...rounded,
      ...objective.constants,
      ...model.classInputs(labels.tokens),
      ...(dropout && { dropout_bank: makeDropoutBank(spec.seed, spec.dropout, columns) }),
    },
    optimizer: {
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: spec.weight_decay,
      maxGradNorm: spec.max_grad_norm,
    },
  })

  /** @param first the position of the first row in the step */
  const toMicroBatch = (rows: readonly number[], first: number, rowsInStep: number, index: number): MicroBatch => {
    const { inputIds, attentionMask, batch, source } = padBatch(
      rows.map((row) => train.ids[row]),
      model.padTokenId,
    )
    const draws = dropout && {
      dropout_draws: drawDropoutRows(spec.seed, index),
      dropout_rows: Int32Array.from(rows, (_, i) => first + i),
    }
    const labelFeeds = objective.inputs(
      rows.map((row) => train.labels[row]),
      rowsInStep,
    )
    return {
      feeds: { input_ids: inputIds, attention_mask: attentionMask, ...labelFeeds, ...draws },
      symbols: { batch, source, columns },
    }
  }

  let classifier: Promise<LoadedProgram> | undefined
  return {
    vectors,
    values,
    lossScale,
    stepper,
    async step(rows, index) {
      const rowsInStep = rows.flat().length
      let first = 0
      const batches = rows.map((micro) => {
        const batch = toMicroBatch(micro, first, rowsInStep, index)
        first += micro.length
        return batch
      })
      const warmup = Math.round(spec.warmup * plan.steps)
      const rate = spec.learning_rate * learningRateAt(index, { warmup, total: plan.steps })
      await stepper.step(batches, index + 1, rate)
    },
    classifier: () => {
      classifier ??= stepper.load(classifierProgram(model, spec.method, labels.tokens.length))
      return classifier
    },
  }
}
