import { expect, test } from 'vitest'
import { openPool } from '../../../graph/runtime/pool.ts'
import { modelOf } from '../../../model/architectures.ts'
import { padBatch } from '../../../model/batch.ts'
import { parametersOf } from '../../../model/methods/registry.ts'
import { prepare } from '../../../training/data/prepare.ts'
import { trainingSteps } from '../../../training/data/steps.ts'
import { makeGradientAccumulator } from '../../../training/step/gradient-accumulator.ts'
import { gradientProgram } from '../../../training/step/gradient-program.ts'
import { allocateMoments, openOptimizer } from '../../../training/step/optimizer.ts'
import { openTrainer } from '../../../training/step/trainer.ts'
import { tinySpec } from '../tiny.ts'

test('a trainer takes the steps of AdamW on schedule, each with the mean gradient of its examples', async () => {
  const spec = tinySpec({ steps: 5, warmup: 0.4, weight_decay: 0.1, learning_rate: 1e-2, max_grad_norm: 0.5 })
  const pool = openPool(1)
  const prepared = await prepare(spec, 1, () => {})
  const { base, labels, train, lengths } = prepared
  const trainer = await openTrainer(prepared, pool)
  const initial = trainer.vectors.theta.slice()

  // The same steps, put together from parts that have their own tests.
  const parameters = parametersOf(spec.method, modelOf(base))
  const theta = new Float32Array(new SharedArrayBuffer(initial.byteLength))
  theta.set(initial)
  const vectors = allocateMoments(theta)
  let at = 0
  const views = parameters.map(({ name, shape }) => {
    const view = theta.subarray(at, at + shape.reduce((a, b) => a * b, 1))
    at += view.length
    return [name, view] as const
  })
  const objective = modelOf(base).objective('labels', labels.tokens)
  const bound = { ...Object.fromEntries(base.tensors), ...Object.fromEntries(views), ...objective.constants }
  const { gradient, accumulate } = makeGradientAccumulator(
    await pool.load(gradientProgram(modelOf(base), spec.method, objective), bound),
    parameters,
    1,
  )
  const update = await openOptimizer(pool, {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0.1,
    maxGradNorm: 0.5,
  })

  // Two steps of warm-up, then linearly to 0, as in get_linear_schedule_with_warmup of transformers.
  const rates = [0, 5e-3, 1e-2, (2 / 3) * 1e-2, (1 / 3) * 1e-2]
  for (const [index, rows] of [...trainingSteps(lengths, spec)].entries()) {
    const rowsInStep = rows.flat().length
    const batches = rows.map((micro) => {
      const { inputIds, attentionMask, batch, source } = padBatch(
        micro.map((row) => train.ids[row]),
        0,
      )
      const labelFeeds = objective.inputs(
        micro.map((row) => train.labels[row]),
        rowsInStep,
      )
      return {
        feeds: { input_ids: inputIds, attention_mask: attentionMask, ...labelFeeds },
        symbols: { batch, source },
      }
    })
    const loss = await accumulate(batches)
    await update(vectors, gradient, index + 1, rates[index])
    await trainer.step(rows, index)
    expect(await trainer.stepper.readLosses()).toEqual([loss])
  }
  const { theta: trained, m, v } = trainer.vectors
  expect({ theta: trained.slice(), m: m.slice(), v: v.slice() }).toEqual({
    theta: theta.slice(),
    m: vectors.m.slice(),
    v: vectors.v.slice(),
  })
  expect(trained).not.toEqual(initial)
  await pool.close()
})
