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
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { batchEpoch } from '../training/data/batches.ts'
import { MICRO_MULTIPLE, MICRO_TOKENS } from '../training/data/steps.ts'
import { type Contestant, type Round, startContestant } from './contestant.ts'
import { methods } from './methods.ts'
import { T5_SMALL } from './random-model.ts'
import { reviewLengths } from './review-lengths.ts'

/** The fastest size for PyTorch on this shape, by measurement (bench/peers/README.md). */
const PEER_MICRO_TOKENS = 1024

const { values } = parseArgs({
  options: {
    methods: { type: 'string', default: Object.keys(methods).join(',') },
    rounds: { type: 'string', default: '7' },
    'batch-tokens': { type: 'string', default: '4096' },
    data: { type: 'string', default: `${process.env.GRAFT_IMDB ?? '../shared/data/imdb'}/train.jsonl.gz` },
    bf16: { type: 'boolean', default: false },
    compiled: { type: 'boolean', default: false },
    device: { type: 'string', default: 'cpu' },
    f16: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
  args: process.argv.slice(3),
})

const onGpu = values.device !== 'cpu'

const python = 'bench/peers/.venv/bin/python'
if (!existsSync(python)) throw new Error('PyTorch and PEFT are not installed. Run bench/peers/setup.sh first.')

const lengths = await reviewLengths(values.data)
console.log(
  `token counts of ${lengths.length} real reviews, truncated to 512: mean ${(lengths.reduce((a, b) => a + b, 0) / lengths.length).toFixed(0)}`,
)
console.log('method | contestant | reviews/s | ratio to the first (median of rounds) | peak MB')
for (const name of values.methods.split(',')) await compare(name)

type Job = (typeof methods)[string]

/** Starts PyTorch with the settings. On a GPU, its step is one micro-batch. */
function startPeer(job: Job, name: string, settings: object): Promise<Contestant> {
  return startContestant(
    `PyTorch + PEFT ${name}`,
    { microTokens: onGpu ? Number.MAX_SAFE_INTEGER : PEER_MICRO_TOKENS, microMultiple: 1 },
    [python, 'bench/peers/train_step.py'],
    { ...job, config: T5_SMALL, ...settings },
  )
}

function startGraft(job: Job, name: string, settings: { loss: string; precision?: string }): Promise<Contestant> {
  return startContestant(
    `Graft, ${name}`,
    { microTokens: onGpu ? Number.MAX_SAFE_INTEGER : MICRO_TOKENS, microMultiple: onGpu ? 1 : MICRO_MULTIPLE },
    [process.execPath, 'bench/graft-step.ts'],
    { method: job, config: T5_SMALL, device: values.device, ...settings },
  )
}

async function startOnCpu(job: Job): Promise<Contestant[]> {
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
async function startOnDevice(job: Job): Promise<Contestant[]> {
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
  const results = new Map<Contestant, Round[]>(contestants.map((contestant) => [contestant, []]))
  const steps = batchEpoch(lengths, {
    batch: { tokens: Number(values['batch-tokens']) },
    microTokens: Number.MAX_SAFE_INTEGER,
    seed: 0,
    epoch: 0,
  })
  for (let round = -1; round < Number(values.rounds); round++) {
    // The first round is a warm-up and does not count.
    const rows = steps[round + 1].flat()
    for (const contestant of contestants) {
      const result = await contestant.round(splitIntoMicroBatches(rows, contestant))
      if (round >= 0) results.get(contestant)?.push(result)
    }
  }
  const [reference] = contestants
  for (const contestant of contestants) {
    const rounds = results.get(contestant) as Round[]
    const ratios = rounds.map(({ seconds }, i) => (results.get(reference) as Round[])[i].seconds / seconds)
    const sum = (of: (round: Round) => number) => rounds.reduce((total, round) => total + of(round), 0)
    const speed = sum(({ reviews }) => reviews) / sum(({ seconds }) => seconds)
    console.log(
      `${name} | ${contestant.name} | ${speed.toFixed(2)} | ${median(ratios).toFixed(2)} | ${rounds[rounds.length - 1].peak_rss_mb.toFixed(0)}`,
    )
    await contestant.close()
  }
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

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
