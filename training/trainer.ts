import { random } from '../core/random.ts'
import { sharedFloats } from '../core/shared-memory.ts'
import type { Loaded, Pool } from '../graph/runtime/pool.ts'
import type { Values } from '../graph/runtime/session.ts'
import { padRows } from '../model/batch.ts'
import { methodNamed } from '../model/methods/registry.ts'
import { classifierProgram } from '../model/programs.ts'
import { dropoutBank, dropoutDraws, dropoutSites } from './dropout.ts'
import { flat } from './flat.ts'
import { gradientProgram } from './gradient-program.ts'
import { gradientSum, type MicroBatch } from './gradient-sum.ts'
import { objective } from './objective.ts'
import { type Moments, openOptimizer } from './optimizer.ts'
import type { Prepared } from './prepare.ts'
import { learningRateAt } from './schedule.ts'
import type { Step } from './steps.ts'

/** The moving part of a training: its vectors, and what takes them one step further. */
export interface Trainer {
  readonly moments: Moments
  /** The trained tensors, by name: views into `moments.theta`. */
  readonly values: Readonly<Record<string, Float32Array>>
  /** Takes step number `index` (from 0) and returns its loss. */
  step(rows: Step, index: number): Promise<number>
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
  const dropout = spec.dropout > 0 ? dropoutSites(spec.dropout) : undefined
  const step = gradientProgram(t5, spec.method, target, { dropout })
  const columns = dropout?.columns({ source: spec.max_tokens }) ?? 0
  const weights: Values = { ...Object.fromEntries(base.tensors), ...values }
  const bound: Values = {
    ...weights,
    ...target.bound,
    ...(dropout && { dropout_bank: dropoutBank(spec.seed, spec.dropout, columns) }),
  }
  const program = await pool.load(step, bound)
  const { gradient, sum } = gradientSum(program, parameters, pool.size)
  const update = await openOptimizer(pool, {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: spec.weight_decay,
    maxGradNorm: spec.max_grad_norm,
  })

  const microBatch = (rows: readonly number[], inStep: number, index: number, micro: number): MicroBatch => {
    const { inputIds, attentionMask, batch, source } = padRows(
      rows.map((row) => train.ids[row]),
      t5.padTokenId,
    )
    const draws = dropout && { dropout_draws: dropoutDraws(spec.seed, index, micro) }
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
    async step(rows, index) {
      const inStep = rows.reduce((n, micro) => n + micro.length, 0)
      const loss = await sum(rows.map((micro, i) => microBatch(micro, inStep, index, i)))
      const warmup = Math.round(spec.warmup * plan.steps)
      await update(
        moments,
        gradient,
        index + 1,
        spec.learning_rate * learningRateAt(index, { warmup, total: plan.steps }),
      )
      return loss
    },
    classifier: () => {
      classifier ??= pool.load(classifierProgram(t5, spec.method, labels.tokens.length), {
        ...weights,
        words: Int32Array.from(labels.tokens),
      })
      return classifier
    },
  }
}
