/**
 * Compares predictions in int8 with ONNX Runtime's own quantization, CTranslate2 and transformers.js, on the T5-small
 * shape. Weights are random; the token counts come from real reviews, truncated to 512. Rounds are interleaved, so that
 * the load of the machine is the same for all contestants, and the ratio is taken per round.
 *
 *   npm run bench -- int8 [--rounds 7] [--batches 1,4,8,one] [--reviews 24]
 *
 * The contestants have two workers of one thread each. In `one`, one review at a time runs on two threads.
 */
import { mkdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { embeddedBase } from '../checkpoint/embedded-base.ts'
import { makeRandom } from '../core/random.ts'
import type { ServingPrecision } from '../model/quantized-weights.ts'
import { type Contestant, startContestant } from './contestant.ts'
import { imdb } from './imdb.ts'
import { measureLimits, workOf } from './limits.ts'
import { peersPython, requirePeers } from './peers-python.ts'
import { formatRange } from './quantiles.ts'
import { type Batches, race, shareOfLimit } from './race.ts'
import { randomClassifierProgram } from './random-classifier.ts'
import { T5_SMALL } from './random-model.ts'
import { reviewLengths } from './review-lengths.ts'
import { startTable } from './table.ts'

/** The names of peers in the table, where they differ. */
const PEERS: Readonly<Record<string, string>> = { onnxruntime: 'ONNX Runtime', ctranslate2: 'CTranslate2' }

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    batches: { type: 'string', default: '1,4,8,one' },
    reviews: { type: 'string', default: '24' },
    peers: { type: 'string', default: 'onnxruntime,ctranslate2,transformers.js' },
    data: { type: 'string', default: imdb.test },
  },
  args: process.argv.slice(3),
})

requirePeers()
const folder = 'bench/peers/.venv/models'
mkdirSync(folder, { recursive: true })

const lengths = [...(await reviewLengths(values.data))]
const random = makeRandom(0, 'int8')
const draw = (count: number) => Array.from({ length: count }, () => lengths[random.integer(lengths.length)])
const limits = await measureLimits()
const micro = { microTokens: 0, microMultiple: 1 }

const row = startTable('rows of a batch', '', 'reviews/s', "times Graft's int8", "of the machine's limit", 'peak MB')
for (const batch of values.batches.split(',')) await compare(batch)

function startGraft(precision: ServingPrecision, one: boolean): Promise<Contestant> {
  const job = { config: T5_SMALL, precision, workers: 2, one }
  return startContestant(`Graft ${precision}`, micro, [process.execPath, 'bench/int8-graft.ts'], job)
}

async function startPeer(peer: string, one: boolean): Promise<Contestant> {
  const [workers, threads] = one ? [1, 2] : [2, 1]
  const job = { peer, config: T5_SMALL, workers, threads, folder, tokenizer: embeddedBase }
  const command =
    peer === 'transformers.js'
      ? [process.execPath, 'bench/peers/transformers-js/serve.mjs']
      : [peersPython, 'bench/peers/int8_serve.py']
  return startContestant(PEERS[peer] ?? peer, micro, command, job)
}

async function compare(batch: string): Promise<void> {
  const one = batch === 'one'
  const size = one ? 1 : Number(batch)
  const own = await startGraft('int8', one)
  const f32 = await startGraft('f32', one)
  const peers = await Promise.all(values.peers.split(',').map((peer) => startPeer(peer, one)))
  const drawn: Batches[] = []
  /** All contestants get the same reviews. */
  const batchesOf = (round: number) => {
    drawn[round] ??= chunk(
      draw(Number(values.reviews)).sort((a, b) => b - a),
      size,
    )
    return drawn[round]
  }
  const contestants = [f32, own, ...peers]
  const standings = await race(contestants, Number(values.rounds), batchesOf, own)
  const worksOf = (precision: ServingPrecision) => {
    const program = randomClassifierProgram({ config: T5_SMALL, precision })
    const batches = drawn.slice(1).flat()
    return batches.map((rows) => workOf(program, { batch: rows.length, source: Math.max(...rows), labels: 2 }))
  }
  const works = { f32: worksOf('f32'), int8: worksOf('int8') }
  for (const [i, standing] of standings.entries()) {
    const { version } = contestants[i].ready
    row(
      i > 0 ? '' : one ? 'one review at a time' : size,
      [standing.name, version].filter(Boolean).join(' '),
      standing.reviewsPerSecond.toFixed(1),
      formatRange(standing.ratios),
      shareOfLimit(standing, contestants[i] === f32 ? works.f32 : works.int8, limits),
      Math.round(standing.peakMegabytes).toLocaleString('en'),
    )
  }
  for (const contestant of contestants) await contestant.close()
}

function chunk(rows: number[], size: number): number[][] {
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, i) => rows.slice(i * size, (i + 1) * size))
}
