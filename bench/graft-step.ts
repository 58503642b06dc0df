/**
 * Graft's side of the training benchmark: the protocol of bench/peers/train_step.py, so that one driver speaks to both. The step is the
 * product's own (training/gradient-sum.ts, training/optimizer.ts) on random weights.
 */

import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { random } from '../core/random.ts'
import { sharedFloats } from '../core/shared-memory.ts'
import { openPool } from '../graph/runtime/pool.ts'
import { padRows } from '../model/batch.ts'
import { ledger } from '../model/ledger.ts'
import { methodNamed, parseMethod } from '../model/methods/registry.ts'
import { parseT5Config } from '../model/t5-config.ts'
import { baseTensors, sizeOfShape } from '../model/tensors.ts'
import { flat } from '../training/flat.ts'
import { gradientProgram } from '../training/gradient-program.ts'
import { gradientSum } from '../training/gradient-sum.ts'
import { objective } from '../training/objective.ts'
import { openOptimizer } from '../training/optimizer.ts'

interface Job {
  method: Record<string, unknown> & { method: string }
  config: unknown
  loss: 'labels' | 'vocabulary'
  threads?: number
}

const answer = (message: object) => process.stdout.write(`${JSON.stringify(message)}\n`)
/** This program's peak resident memory, as the kernel counts it for the peers. */
const peakMegabytes = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024

async function openStep({ method: given, config, loss, threads = availableParallelism() }: Job) {
  const t5 = parseT5Config(config, false)
  const method = parseMethod(given)
  const draw = random(0, 'benchmark')
  const base = new Map(
    baseTensors(t5).map(({ name, shape }) => {
      const values = sharedFloats(sizeOfShape(shape))
      for (let i = 0; i < values.length; i++) values[i] = shape.length === 1 ? 1 : 0.1 * (draw.uniform() - 0.5)
      return [name, values]
    }),
  )
  const parameters = methodNamed(method.method).parameters(method, t5)
  const theta = flat(parameters)
  for (const { name, initial } of parameters)
    theta.views[name].set(initial(draw, (tensor) => base.get(tensor) as Float32Array))
  const moments = { theta: theta.vector, m: sharedFloats(theta.vector.length), v: sharedFloats(theta.vector.length) }
  const target = objective(loss, [1465, 2841], t5)
  const pool = openPool(threads)
  const program = await pool.load(gradientProgram(t5, method, target), {
    ...Object.fromEntries(base),
    ...theta.views,
    ...target.bound,
  })
  const { gradient, sum } = gradientSum(program, parameters, pool.size)
  const update = await openOptimizer(pool, {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0.01,
    maxGradNorm: 1,
  })
  let step = 0
  const { trainable, total } = ledger(method, t5)
  return {
    ready: { ready: true, trainable, total, threads },
    async round(microBatches: readonly number[][]) {
      const reviews = microBatches.flat().length
      const batches = microBatches.map((lengths) => {
        const rows = lengths.map((length) => Int32Array.from({ length }, () => 2 + draw.integer(t5.vocabSize - 2)))
        const { inputIds, attentionMask, batch, source } = padRows(rows, t5.padTokenId)
        const labels = target.feeds(
          lengths.map(() => draw.integer(2)),
          reviews,
        )
        return { feeds: { input_ids: inputIds, attention_mask: attentionMask, ...labels }, symbols: { batch, source } }
      })
      const begun = performance.now()
      const value = await sum(batches)
      await update(moments, gradient, ++step, 1e-3)
      return { seconds: (performance.now() - begun) / 1000, reviews, loss: value, peak_rss_mb: peakMegabytes() }
    },
    close: () => pool.close(),
  }
}

let work: Awaited<ReturnType<typeof openStep>> | undefined
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line)
  if (message.quit) break
  if (work) answer(await work.round(message.round))
  else {
    work = await openStep(message)
    answer(work.ready)
  }
}
await work?.close()
