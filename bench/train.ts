/**
 * Compares the training step with PyTorch + PEFT on the T5-small shape. Weights are random; the token counts come from
 * real reviews, truncated to 512. Rounds are interleaved, so that the load of the machine is the same for all
 * contestants, and the ratio is taken per round.
 *
 *   npm run bench -- train [--methods lora,full] [--rounds 7] [--bf16] [--compiled] [--batch-tokens 4096]
 *
 * Graft runs in f32, and with int8-frozen where a method freezes weights. --bf16 adds PyTorch's bf16, and --compiled
 * its bf16 with compiled blocks, which takes some minutes to start.
 *
 * On a GPU, it compares Graft on WebGPU in f32, and in f16 with --f16, with PyTorch on CUDA in fp32, TF32 and bf16:
 *
 *   npm run bench -- train --device webgpu --methods lora [--f16] [--rounds 7]
 */
import { parseArgs } from 'node:util'
import { batchEpoch } from '../training/data/batches.ts'
import { MICRO_MULTIPLE, MICRO_TOKENS } from '../training/data/steps.ts'
import { type Contestant, startContestant } from './contestant.ts'
import { imdb } from './imdb.ts'
import { measureLimits, type Work, workOf } from './limits.ts'
import { methods } from './methods.ts'
import { peersPython, requirePeers } from './peers-python.ts'
import { formatRange } from './quantiles.ts'
import { type Batches, race, shareOfLimit } from './race.ts'
import { type ModelJob, randomGradientProgram, T5_SMALL } from './random-model.ts'
import { reviewLengths } from './review-lengths.ts'
import { startTable } from './table.ts'

/** The fastest size for PyTorch on this shape, by measurement (bench/peers/README.md). */
const PEER_MICRO_TOKENS = 1024

const { values } = parseArgs({
  options: {
    methods: { type: 'string', default: Object.keys(methods).join(',') },
    rounds: { type: 'string', default: '7' },
    'batch-tokens': { type: 'string', default: '4096' },
    data: { type: 'string', default: imdb.train },
    bf16: { type: 'boolean', default: false },
    compiled: { type: 'boolean', default: false },
    device: { type: 'string', default: 'cpu' },
    f16: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
  args: process.argv.slice(3),
})

const onGpu = values.device !== 'cpu'

requirePeers()

const lengths = await reviewLengths(values.data)
const limits = await measureLimits()
const row = startTable(
  'method',
  'contestant',
  'reviews/s',
  'times PyTorch fp32',
  ...(onGpu ? [] : ["of the machine's limit"]),
  'peak MB',
)
for (const name of values.methods.split(',')) await compare(name)

type Job = (typeof methods)[string]

/** A contestant, and what it computes. */
interface Trainer extends Contestant {
  readonly computes: Pick<ModelJob, 'loss' | 'precision'>
}

/** Starts PyTorch with the settings. On a GPU, its step is one micro-batch. */
async function startPeer(job: Job, name: string, settings: object): Promise<Trainer> {
  const contestant = await startContestant(
    `PyTorch + PEFT ${name}`,
    { microTokens: onGpu ? Number.MAX_SAFE_INTEGER : PEER_MICRO_TOKENS, microMultiple: 1 },
    [peersPython, 'bench/peers/train_step.py'],
    { ...job, config: T5_SMALL, ...settings },
  )
  return { ...contestant, computes: { loss: 'vocabulary' } }
}

async function startGraft(job: Job, name: string, computes: Trainer['computes']): Promise<Trainer> {
  const contestant = await startContestant(
    `Graft, ${name}`,
    { microTokens: onGpu ? Number.MAX_SAFE_INTEGER : MICRO_TOKENS, microMultiple: onGpu ? 1 : MICRO_MULTIPLE },
    [process.execPath, 'bench/graft-step.ts'],
    { method: job, config: T5_SMALL, device: values.device, ...computes },
  )
  return { ...contestant, computes }
}

async function startOnCpu(job: Job): Promise<Trainer[]> {
  return [
    await startPeer(job, 'fp32', { precision: 'fp32' }),
    await startGraft(job, 'loss over vocabulary', { loss: 'vocabulary' }),
    await startGraft(job, 'loss over labels', { loss: 'labels' }),
    ...(job.method === 'full'
      ? []
      : [await startGraft(job, 'int8-frozen', { loss: 'labels', precision: 'int8-frozen' })]),
    ...(values.bf16 ? [await startPeer(job, 'bf16', { precision: 'bf16' })] : []),
    ...(values.compiled ? [await startPeer(job, 'bf16, compiled', { precision: 'bf16', compile: true })] : []),
  ]
}

/** Starts the contestants on a GPU; the others are compared with the first. */
async function startOnDevice(job: Job): Promise<Trainer[]> {
  const own = [
    await startGraft(job, 'f32, loss over vocabulary', { loss: 'vocabulary' }),
    ...(values.f16
      ? [await startGraft(job, 'f16, loss over vocabulary', { loss: 'vocabulary', precision: 'f16' })]
      : []),
  ]
  const cuda = { device: 'cuda', precision: 'fp32' }
  try {
    return [
      await startPeer(job, 'fp32 on CUDA', cuda),
      await startPeer(job, 'TF32 on CUDA', { ...cuda, tf32: true }),
      await startPeer(job, 'bf16 on CUDA', { ...cuda, precision: 'bf16' }),
      ...own,
    ]
  } catch (error) {
    console.log(`PyTorch is omitted: ${(error as Error).message}`)
    return own
  }
}

async function compare(name: string): Promise<void> {
  const job = methods[name]
  const contestants = await (onGpu ? startOnDevice : startOnCpu)(job)
  const steps = batchEpoch(lengths, {
    batch: { tokens: Number(values['batch-tokens']) },
    microTokens: Number.MAX_SAFE_INTEGER,
    seed: 0,
    epoch: 0,
  })
  const rounds = Number(values.rounds)
  const batchesOf = (round: number, contestant: Contestant) => splitIntoMicroBatches(steps[round].flat(), contestant)
  const standings = await race(contestants, rounds, batchesOf, contestants[0])
  for (const [i, contestant] of contestants.entries()) {
    const batches = Array.from({ length: rounds }, (_, round) => batchesOf(round + 1, contestant)).flat()
    const standing = standings[i]
    row(
      i === 0 ? name : '',
      contestant.name,
      standing.reviewsPerSecond.toFixed(2),
      formatRange(standing.ratios),
      ...(onGpu ? [] : [shareOfLimit(standing, workOfBatches(job, contestant, batches), limits)]),
      Math.round(standing.peakMegabytes).toLocaleString('en'),
    )
    await contestant.close()
  }
}

/** Returns the work of micro-batches as Graft computes them. */
function workOfBatches(job: Job, { computes }: Trainer, batches: Batches): Work[] {
  const program = randomGradientProgram({ method: job, config: T5_SMALL, ...computes })
  return batches.map((rows) => workOf(program, { batch: rows.length, source: Math.max(...rows) }))
}

/**
 * Returns the lengths of a step's rows in micro-batches of the contestant's size; each holds rows of similar length.
 */
function splitIntoMicroBatches(rows: readonly number[], { microTokens, microMultiple }: Contestant): number[][] {
  const own = Int32Array.from(rows, (row) => lengths[row])
  const [step] = batchEpoch(own, {
    batch: { tokens: Number.MAX_SAFE_INTEGER },
    microTokens,
    microMultiple,
    seed: 0,
    epoch: 0,
  })
  return step.map((micro) => micro.map((i) => own[i]))
}
