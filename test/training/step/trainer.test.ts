import { expect, test } from 'vitest'
import { sharedFloats } from '../../../core/shared-memory.ts'
import { openPool } from '../../../graph/runtime/pool.ts'
import { padRows } from '../../../model/batch.ts'
import { methodNamed } from '../../../model/methods/registry.ts'
import { prepare } from '../../../training/data/prepare.ts'
import { trainingSteps } from '../../../training/data/steps.ts'
import { gradientProgram } from '../../../training/step/gradient-program.ts'
import { gradientSum } from '../../../training/step/gradient-sum.ts'
import { objective } from '../../../training/step/objective.ts'
import { openOptimizer } from '../../../training/step/optimizer.ts'
import { openTrainer } from '../../../training/step/trainer.ts'
import { tinySpec } from '../tiny.ts'

test('a trainer takes the steps of AdamW that the schedule asks for, each on the mean gradient of its reviews', async () => {
  const spec = tinySpec({ steps: 5, warmup: 0.4, weight_decay: 0.1, learning_rate: 1e-2, max_grad_norm: 0.5 })
  const pool = openPool(1)
  const prepared = await prepare(spec, 1, () => {})
  const { base, labels, train, lengths } = prepared
  const trainer = await openTrainer(prepared, pool)
  const begun = trainer.moments.theta.slice()

  // The same from its parts, each of which has tests of its own.
  const parameters = methodNamed('lora').parameters(spec.method, base.t5)
  const theta = new Float32Array(new SharedArrayBuffer(begun.byteLength))
  theta.set(begun)
  const own = { theta, m: sharedFloats(theta.length), v: sharedFloats(theta.length) }
  let at = 0
  const views = parameters.map(({ name, shape }) => {
    const view = theta.subarray(at, at + shape.reduce((a, b) => a * b, 1))
    at += view.length
    return [name, view] as const
  })
  const target = objective('labels', labels.tokens, base.t5)
  const bound = { ...Object.fromEntries(base.tensors), ...Object.fromEntries(views), ...target.bound }
  const { gradient, sum } = gradientSum(
    await pool.load(gradientProgram(base.t5, spec.method, target), bound),
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

  // Two steps of warm-up, then down to nothing: transformers' get_linear_schedule_with_warmup.
  const rates = [0, 5e-3, 1e-2, (2 / 3) * 1e-2, (1 / 3) * 1e-2]
  for (const [index, rows] of [...trainingSteps(lengths, spec)].entries()) {
    const inStep = rows.flat().length
    const batches = rows.map((micro) => {
      const { inputIds, attentionMask, batch, source } = padRows(
        micro.map((row) => train.ids[row]),
        0,
      )
      const asked = target.feeds(
        micro.map((row) => train.labels[row]),
        inStep,
      )
      return { feeds: { input_ids: inputIds, attention_mask: attentionMask, ...asked }, symbols: { batch, source } }
    })
    const loss = await sum(batches)
    await update(own, gradient, index + 1, rates[index])
    await trainer.step(rows, index)
    expect(await trainer.stepper.losses()).toEqual([loss])
  }
  const { theta: reached, m, v } = trainer.moments
  expect({ theta: reached.slice(), m: m.slice(), v: v.slice() }).toEqual({
    theta: theta.slice(),
    m: own.m.slice(),
    v: own.v.slice(),
  })
  expect(reached).not.toEqual(begun)
  await pool.close()
})
