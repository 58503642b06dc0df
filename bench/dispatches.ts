/**
 * Counts the work of a training step on a GPU: dispatches, bytes moved, and the number of different batch sizes of a
 * training. It uses the T5-small shape and two short reviews: the counts depend neither on the lengths nor on the GPU,
 * so software Vulkan is enough.
 *
 *   npm run bench -- dispatches [--methods lora,full]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openDevice } from '../graph/runtime/device.ts'
import { paddedSize } from '../graph/runtime/padding.ts'
import { openTracedPool } from '../graph/runtime/traced-pool.ts'
import { trainingSteps } from '../training/data/steps.ts'
import { imdb } from './imdb.ts'
import { methods } from './methods.ts'
import { openRandomModel, T5_SMALL } from './random-model.ts'
import { reviewLengths } from './review-lengths.ts'
import { startTable } from './table.ts'

const { values } = parseArgs({
  options: {
    methods: { type: 'string', default: Object.keys(methods).join(',') },
    data: { type: 'string', default: imdb.train },
  },
  args: process.argv.slice(3),
})

const STEPS = 2

const row = startTable(
  'method',
  'dispatches of a step',
  'of these AdamW',
  'nodes on the CPU',
  'bytes uploaded for a step',
  'bytes read back',
)
for (const name of values.methods.split(',')) row(...(await countDispatches(name)))
const lengths = await reviewLengths(values.data)
const steps = [...trainingSteps(lengths, { device: 'webgpu', epochs: 1, batch_tokens: 4096, seed: 0 })]
const sizes = steps.flat().map((rows) => [rows.length, Math.max(...rows.map((row) => lengths[row]))])
const countDistinct = (of: (size: number) => number) => new Set(sizes.map((size) => size.map(of).join())).size
console.log(
  `${steps.length} steps of ${lengths.length} reviews have ${countDistinct((n) => n)} different sizes [batch, source], ${countDistinct(paddedSize)} after padding`,
)

async function countDispatches(name: string): Promise<(string | number)[]> {
  const folder = await mkdtemp(join(tmpdir(), 'graft-dispatches-'))
  try {
    const pool = openTracedPool([openDevice()], folder)
    const { stepper, batches } = await openRandomModel(
      { method: methods[name], config: T5_SMALL, loss: 'labels' },
      pool,
    )
    for (let step = 1; step <= STEPS; step++) await stepper.step(batches([[14, 16]]), step, 1e-3)
    const calls = await pool.collectCalls()
    const sum = (of: (call: (typeof calls)[number]) => number) =>
      Math.round(calls.reduce((total, call) => total + of(call), 0) / STEPS)
    const nodesOnCpu = (call: (typeof calls)[number]) =>
      call.trace.nodes.filter(({ provider }) => provider.startsWith('CPU')).length
    return [
      name,
      sum(({ trace }) => trace.dispatches.length),
      sum(({ trace, program }) => (program.name === 'adamw' ? trace.dispatches.length : 0)),
      sum(nodesOnCpu),
      sum(({ bytesFed }) => bytesFed),
      sum(({ bytesReturned }) => bytesReturned),
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
