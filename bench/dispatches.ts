/**
 * What a training step asks of a GPU, whichever it is: dispatches, bytes that move, and how many sizes a training meets. Counted on the
 * T5-small shape with two short reviews, since none of it depends on their lengths; software Vulkan will do.
 *
 *   npm run bench -- dispatches [--methods lora,full]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openDevice } from '../graph/runtime/device.ts'
import { paddedSize } from '../graph/runtime/padding.ts'
import { tracedPool } from '../graph/runtime/traced-pool.ts'
import { trainingSteps } from '../training/data/steps.ts'
import { methods } from './methods.ts'
import { openRandomModel, T5_SMALL } from './random-model.ts'
import { reviewLengths } from './review-lengths.ts'

const { values } = parseArgs({
  options: {
    methods: { type: 'string', default: Object.keys(methods).join(',') },
    data: { type: 'string', default: `${process.env.GRAFT_IMDB ?? '../shared/data/imdb'}/train.jsonl.gz` },
  },
  args: process.argv.slice(3),
})

const STEPS = 2

console.log('method | dispatches a step | of them AdamW | tensors on the CPU | bytes up a step | bytes down a step')
for (const name of values.methods.split(',')) console.log(await counted(name))
const lengths = await reviewLengths(values.data)
const steps = [...trainingSteps(lengths, { device: 'webgpu', epochs: 1, batch_tokens: 4096, seed: 0 })]
const sizes = steps.flat().map((rows) => [rows.length, Math.max(...rows.map((row) => lengths[row]))])
const met = (of: (size: number) => number) => new Set(sizes.map((size) => size.map(of).join())).size
console.log(
  `${steps.length} steps of ${lengths.length} reviews have ${met((n) => n)} sizes [batch, source], of which padding leaves ${met(paddedSize)}`,
)

async function counted(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'graft-dispatches-'))
  try {
    const pool = tracedPool([openDevice()], folder)
    const { stepper, batches } = await openRandomModel(
      { method: methods[name], config: T5_SMALL, loss: 'labels' },
      pool,
    )
    for (let step = 1; step <= STEPS; step++) await stepper.step(batches([[14, 16]]), step, 1e-3)
    const calls = await pool.calls()
    const sum = (of: (call: (typeof calls)[number]) => number) =>
      Math.round(calls.reduce((total, call) => total + of(call), 0) / STEPS)
    const own = (call: (typeof calls)[number]) =>
      call.trace.nodes.filter(({ provider }) => provider.startsWith('CPU')).length
    return [
      name,
      sum(({ trace }) => trace.dispatches.length),
      sum(({ trace, program }) => (program.name === 'adamw' ? trace.dispatches.length : 0)),
      sum(own),
      sum(({ fed }) => fed),
      sum(({ returned }) => returned),
    ].join(' | ')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
