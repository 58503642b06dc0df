import { random } from '../../core/random.ts'
import { sharedFloats } from '../../core/shared-memory.ts'
import { paddedSize } from '../../graph/runtime/padding.ts'
import type { Loaded, Pool } from '../../graph/runtime/pool.ts'
import { padRows } from '../../model/batch.ts'
import { methodNamed } from '../../model/methods/registry.ts'
import { classifierProgram } from '../../model/programs.ts'
import type { Prepared } from '../data/prepare.ts'
import type { Step } from '../data/steps.ts'
import { learningRateAt } from '../schedule.ts'
import { dropoutBank, dropoutDraws, dropoutSites } from './dropout.ts'
import { flat } from './flat.ts'
import { gradientProgram } from './gradient-program.ts'
import type { MicroBatch } from './gradient-sum.ts'
import { initialLossScale } from './loss-scale.ts'
import { objective } from './objective.ts'
import { openStepper } from './open-stepper.ts'
import type { Moments } from './optimizer.ts'
import type { Stepper } from './stepper.ts'

/** The moving part of a training: its vectors, and what takes them one step further. */
export interface Trainer {
  readonly moments: Moments
  /** The trained tensors, by name: views into `moments.theta`. */
  readonly values: Readonly<Record<string, Float32Array>>
  /** Takes step number `index` (from 0). */
  step(rows: Step, index: number): Promise<void>
  /** With precision f16, what the loss is scaled by: [factor, good steps, skipped steps]. */
  readonly lossScale?: Float32Array
  readonly stepper: Pick<Stepper, 'losses' | 'lossesEvery' | 'fetch' | 'put'>
  /** The forward pass with the tensors as they stand; loaded on first use. */
  classifier(): Promise<Loaded>
}

/** Starts from the method's initial values. */
export async function openTrainer({ spec, base, labels, train, plan }: Prepared, pool: Pool): Promise<Trainer> {
  const { t5 } = base
  const parameters = methodNamed(spec.method.method).parameters(spec.method, t5)
  const { vector: theta, views: values } = flat(parameters)
  const draw = random(spec.seed, 'initial values')
  for (const { name, initial } of parameters)
    values[name].set(initial(draw, (tensor) => base.tensors.get(tensor) as Float32Array))
  const moments: Moments = { theta, m: sharedFloats(theta.length), v: sharedFloats(theta.length) }

  const target = objective(spec.loss, labels.tokens, t5)
  const dropout = spec.dropout > 0 ? dropoutSites(spec.dropout, spec.max_tokens) : undefined
  const gradient = gradientProgram(t5, spec.method, target, { dropout })
  const columns = dropout?.columns({ source: paddedSize(spec.max_tokens) }) ?? 0
  const lossScale = spec.precision === 'f16' ? initialLossScale() : undefined
  const stepper = await openStepper(pool, {
    gradient,
    parameters,
    moments,
    values,
    precision: spec.precision,
    lossScale,
    bound: {
      ...Object.fromEntries(base.tensors),
      ...target.bound,
      words: Int32Array.from(labels.tokens),
      ...(dropout && { dropout_bank: dropoutBank(spec.seed, spec.dropout, columns) }),
    },
    optimizer: {
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: spec.weight_decay,
      maxGradNorm: spec.max_grad_norm,
    },
  })

  const microBatch = (rows: readonly number[], first: number, inStep: number, index: number): MicroBatch => {
    const { inputIds, attentionMask, batch, source } = padRows(
      rows.map((row) => train.ids[row]),
      t5.padTokenId,
    )
    const draws = dropout && {
      dropout_draws: dropoutDraws(spec.seed, index),
      dropout_rows: Int32Array.from(rows, (_, i) => first + i),
    }
    const labelFeeds = target.feeds(
      rows.map((row) => train.labels[row]),
      inStep,
    )
    return {
      feeds: { input_ids: inputIds, attention_mask: attentionMask, ...labelFeeds, ...draws },
      symbols: { batch, source, columns },
    }
  }

  let classifier: Promise<Loaded> | undefined
  return {
    moments,
    values,
    lossScale,
    stepper,
    async step(rows, index) {
      const inStep = rows.flat().length
      let first = 0
      const batches = rows.map((micro) => {
        const batch = microBatch(micro, first, inStep, index)
        first += micro.length
        return batch
      })
      const warmup = Math.round(spec.warmup * plan.steps)
      const rate = spec.learning_rate * learningRateAt(index, { warmup, total: plan.steps })
      await stepper.step(batches, index + 1, rate)
    },
    classifier: () => {
      classifier ??= stepper.load(classifierProgram(t5, spec.method, labels.tokens.length))
      return classifier
    },
  }
}
