/**
 * Compares predictions in int8 with ONNX Runtime's own quantization and with CTranslate2, on the T5-small shape.
 * Weights are random; the token counts come from real reviews, truncated to 512. Rounds are interleaved, so that the
 * load of the machine is the same for all contestants, and the ratio is taken per round.
 *
 *   npm run bench -- int8 [--rounds 7] [--batches 1,4,8] [--reviews 24] [--one]
 *
 * The contestants have two workers of one thread each. With --one, one review at a time runs on two threads.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { embeddedBase } from '../checkpoint/embedded-base.ts'
import { makeRandom } from '../core/random.ts'
import { type Contestant, type Round, startContestant } from './contestant.ts'
import { T5_SMALL } from './random-model.ts'
import { reviewLengths } from './review-lengths.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    batches: { type: 'string', default: '1,4,8' },
    reviews: { type: 'string', default: '24' },
    one: { type: 'boolean', default: false },
    peers: { type: 'string', default: 'onnxruntime,ctranslate2' },
    data: { type: 'string', default: `${process.env.GRAFT_IMDB ?? '../shared/data/imdb'}/test.jsonl.gz` },
  },
  args: process.argv.slice(3),
})

const python = 'bench/peers/.venv/bin/python'
if (!existsSync(python)) throw new Error('The peers are not installed. Run bench/peers/setup.sh first.')
const folder = 'bench/peers/.venv/models'
mkdirSync(folder, { recursive: true })

const lengths = [...(await reviewLengths(values.data))]
const random = makeRandom(0, 'int8')
const draw = (count: number) => Array.from({ length: count }, () => lengths[random.integer(lengths.length)])

const micro = { microTokens: 0, microMultiple: 1 }
const [workers, threads] = values.one ? [1, 2] : [2, 1]
const contestants: Contestant[] = []
for (const precision of ['f32', 'int8'])
  contestants.push(
    await startContestant(`Graft ${precision}`, micro, [process.execPath, 'bench/int8-graft.ts'], {
      ...{ config: T5_SMALL, precision, workers: 2, one: values.one },
    }),
  )
for (const peer of values.peers.split(','))
  contestants.push(
    await startContestant(`${peer} int8`, micro, [python, 'bench/peers/int8_serve.py'], {
      peer,
      config: T5_SMALL,
      workers,
      threads,
      folder,
      tokenizer: embeddedBase,
    }),
  )

console.log(
  'rows of a batch | contestant | reviews/s | ms for a review | ratio to Graft int8 (median of rounds) | peak MB',
)
for (const size of values.one ? [1] : values.batches.split(',').map(Number)) await compare(size)
for (const contestant of contestants) await contestant.close()

async function compare(size: number): Promise<void> {
  const results = new Map<Contestant, Round[]>(contestants.map((contestant) => [contestant, []]))
  for (let round = -1; round < Number(values.rounds); round++) {
    // The first round is a warm-up and does not count.
    const rows = draw(Number(values.reviews)).sort((a, b) => b - a)
    const batches = Array.from({ length: Math.ceil(rows.length / size) }, (_, i) =>
      rows.slice(i * size, (i + 1) * size),
    )
    for (const contestant of contestants) {
      const result = await contestant.round(batches)
      if (round >= 0) results.get(contestant)?.push(result)
    }
  }
  const own = results.get(contestants[1]) as Round[]
  for (const contestant of contestants) {
    const rounds = results.get(contestant) as Round[]
    const sum = (of: (round: Round) => number) => rounds.reduce((total, round) => total + of(round), 0)
    const speed = sum(({ reviews }) => reviews) / sum(({ seconds }) => seconds)
    const ratios = rounds.map(({ seconds }, i) => own[i].seconds / seconds).sort((a, b) => a - b)
    const peak = rounds[rounds.length - 1].peak_rss_mb
    console.log(
      `${size} | ${contestant.name} | ${speed.toFixed(2)} | ${(1000 / speed).toFixed(0)} | ${ratios[ratios.length >> 1].toFixed(2)} | ${peak.toFixed(0)}`,
    )
  }
}
