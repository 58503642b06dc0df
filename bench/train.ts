/**
 * The training step on the T5-small shape, beside PyTorch + PEFT in the same run. Weights are random, token counts those of real reviews cut
 * at 512. Rounds are interleaved, so that all contestants meet the same machine; the ratio is taken round by round.
 *
 *   npm run bench -- train [--methods lora,full] [--rounds 7] [--bf16] [--batch-tokens 4096]
 */
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { loadBase } from '../checkpoint/base.ts'
import { embeddedBase } from '../checkpoint/embedded-base.ts'
import { labelTokens } from '../model/label-words.ts'
import { planEpoch } from '../training/batches.ts'
import { readReviews } from '../training/data.ts'
import { encodeAll, tokenizerOf } from '../training/prepare.ts'
import { MICRO_MULTIPLE, MICRO_TOKENS } from '../training/steps.ts'
import { type Contestant, type Round, start } from './contestant.ts'

const T5_SMALL = {
  vocab_size: 32128,
  d_model: 512,
  d_kv: 64,
  d_ff: 2048,
  num_layers: 6,
  num_decoder_layers: 6,
  num_heads: 8,
  decoder_start_token_id: 0,
}

/** Measured to be PyTorch's best on this shape (bench/peers/README.md). */
const PEER_MICRO_TOKENS = 1024

/** Reviews whose lengths are drawn from. */
const SAMPLE = 3000

const methods: Record<string, Record<string, unknown> & { method: string }> = {
  lora: { method: 'lora', rank: 8, alpha: 16 },
  bottleneck: { method: 'bottleneck', bottleneck: 8, variant: 'seq_bn' },
  'soft-prompt': { method: 'soft-prompt', tokens: 10 },
  full: { method: 'full' },
}

const { values } = parseArgs({
  options: {
    methods: { type: 'string', default: Object.keys(methods).join(',') },
    rounds: { type: 'string', default: '7' },
    'batch-tokens': { type: 'string', default: '4096' },
    data: { type: 'string', default: `${process.env.GRAFT_IMDB ?? '../shared/data/imdb'}/train.jsonl.gz` },
    bf16: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
  args: process.argv.slice(3),
})

const python = 'bench/peers/.venv/bin/python'
if (!existsSync(python)) throw new Error('PyTorch and PEFT are not there: run bench/peers/setup.sh first')

const lengths = await reviewLengths()
console.log(
  `token counts of ${lengths.length} real reviews cut at 512: mean ${(lengths.reduce((a, b) => a + b, 0) / lengths.length).toFixed(0)}`,
)
console.log('method | contestant | reviews/s | against PyTorch fp32 (median of rounds) | peak MB')
for (const name of values.methods.split(',')) await compare(name)

async function compare(name: string): Promise<void> {
  const job = methods[name]
  const peer = (precision: string) =>
    start(
      `PyTorch + PEFT ${precision}`,
      { microTokens: PEER_MICRO_TOKENS, microMultiple: 1 },
      [python, 'bench/peers/train_step.py'],
      {
        ...job,
        config: T5_SMALL,
        precision,
      },
    )
  const graft = (loss: string) =>
    start(
      `Graft, loss over ${loss}`,
      { microTokens: MICRO_TOKENS, microMultiple: MICRO_MULTIPLE },
      [process.execPath, 'bench/graft-step.ts'],
      {
        method: job,
        config: T5_SMALL,
        loss,
      },
    )
  const contestants = [
    await peer('fp32'),
    await graft('vocabulary'),
    await graft('labels'),
    ...(values.bf16 ? [await peer('bf16')] : []),
  ]
  const results = new Map<Contestant, Round[]>(contestants.map((contestant) => [contestant, []]))
  const steps = planEpoch(lengths, {
    batchTokens: Number(values['batch-tokens']),
    microTokens: Number.MAX_SAFE_INTEGER,
    seed: 0,
    epoch: 0,
  })
  for (let round = -1; round < Number(values.rounds); round++) {
    // One more step than rounds: the first warms up and is not counted.
    const rows = steps[round + 1].flat()
    for (const contestant of contestants) {
      const result = await contestant.round(split(rows, contestant))
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

/** The lengths of a step's rows in micro-batches of a contestant's own size, rows of like length together. */
function split(rows: readonly number[], { microTokens, microMultiple }: Contestant): number[][] {
  const own = Int32Array.from(rows, (row) => lengths[row])
  const [step] = planEpoch(own, { batchTokens: Number.MAX_SAFE_INTEGER, microTokens, microMultiple, seed: 0, epoch: 0 })
  return step.map((micro) => micro.map((i) => own[i]))
}

async function reviewLengths(): Promise<Int32Array> {
  const base = await loadBase(embeddedBase)
  const tokenizer = tokenizerOf(base)
  const { reviews } = await readReviews(values.data)
  const labels = labelTokens(base.labelWords ?? {}, tokenizer)
  const { ids } = encodeAll(reviews.slice(0, SAMPLE), labels, tokenizer, { maxTokens: 512, cut: 'head' }, base)
  return Int32Array.from(ids, ({ length }) => length)
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
