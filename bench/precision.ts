/**
 * Trains each method in f32 and with int8-frozen, on the same real reviews and with the same seeds, and prints the
 * accuracies with their intervals and the times. The accuracy of both is that of the adapter served in f32.
 *
 *   npm run bench -- precision [--methods lora,bottleneck,soft-prompt] [--seeds 1] [--reviews 3000] [--data FILE]
 *     [--svg FILE] [--work FOLDER]
 *
 * --svg draws the losses of all trainings. Finished trainings stay in the folder of --work; run the same command again
 * to continue.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { drawChart, linearAxis } from '../charts/chart.ts'
import { element, toSvgDocument } from '../charts/svg.ts'
import { drawCurve } from '../charts/training-curve.ts'
import { packageRoot } from '../core/entry.ts'
import { makeRandom } from '../core/random.ts'
import { readExamples } from '../training/data/examples.ts'
import { imdb } from './imdb.ts'
import { methods } from './methods.ts'
import { startTable } from './table.ts'

const { values: flags } = parseArgs({
  args: process.argv.slice(3),
  options: {
    methods: { type: 'string', default: 'lora,bottleneck,soft-prompt' },
    seeds: { type: 'string', default: '1' },
    reviews: { type: 'string', default: '3000' },
    data: { type: 'string', default: imdb.train },
    svg: { type: 'string' },
    work: { type: 'string', default: mkdtempSync(join(tmpdir(), 'graft-precision-')) },
  },
})

const PRECISIONS = ['f32', 'int8-frozen']

interface Result {
  name: string
  seed: number
  accuracy: number
  interval: readonly [low: number, high: number]
  reviewsPerSecond: number
  curve: readonly { step: number; loss: number }[]
}

mkdirSync(flags.work, { recursive: true })
const data = await writeData()
const row = startTable(
  'method',
  'seed',
  ...PRECISIONS.flatMap((precision) => [`${precision}: accuracy, 95 % interval`, `${precision}: reviews/s`]),
)
const results: Result[] = []
for (let seed = 0; seed < Number(flags.seeds); seed++)
  for (const method of flags.methods.split(',')) {
    const pair = PRECISIONS.map((precision) => train(method, precision, seed))
    results.push(...pair)
    row(method, seed, ...pair.flatMap((result) => [formatAccuracy(result), result.reviewsPerSecond.toFixed(1)]))
  }
if (flags.svg !== undefined) writeFileSync(flags.svg, drawLosses())

function formatAccuracy({ accuracy, interval }: Result): string {
  const [share, low, high] = [accuracy, ...interval].map((value) => (100 * value).toFixed(2))
  return `${share} % (${low} to ${high})`
}

/** Writes reviews to train on, and as many others to measure on. */
async function writeData(): Promise<{ data: string; test: string }> {
  const paths = { data: join(flags.work, 'train.jsonl'), test: join(flags.work, 'test.jsonl') }
  const count = Number(flags.reviews)
  const { examples } = await readExamples(flags.data)
  const drawn = makeRandom(0, 'reviews').shuffle(examples)
  const write = (path: string, from: number) =>
    writeFileSync(
      path,
      drawn
        .slice(from, from + count)
        .map(({ text, label }) => `${JSON.stringify({ text, label })}\n`)
        .join(''),
    )
  write(paths.data, 0)
  write(paths.test, count)
  return paths
}

function train(method: string, precision: string, seed: number): Result {
  const out = join(flags.work, `${method}-${precision}-${seed}`)
  if (!existsSync(out)) {
    const fields = Object.entries({ ...methods[method], precision, seed, device: 'cpu', out, ...data })
    const args = fields.flatMap(([field, value]) => [`--${field}`, String(value)])
    const { status, stderr } = spawnSync(process.execPath, [join(packageRoot, 'bin/graft.cjs'), 'train', ...args])
    if (status !== 0) throw new Error(stderr.toString())
  }
  const { training, metrics } = JSON.parse(readFileSync(join(out, 'graft.json'), 'utf8'))
  return {
    name: `${method}, ${precision}`,
    seed,
    accuracy: metrics.accuracy,
    interval: metrics.interval,
    reviewsPerSecond: training.reviews_per_second,
    curve: training.curve,
  }
}

/** Draws the running means of the losses, one line for each training. */
function drawLosses(): string {
  const names = [...new Set(results.map(({ name }) => name))]
  const points = results.flatMap(({ curve }) => curve)
  return toSvgDocument(
    drawChart(
      {
        title: 'Loss with frozen weights in f32 and in 8 bits, running mean',
        x: linearAxis(
          'step',
          points.map(({ step }) => step),
          String,
        ),
        y: linearAxis(
          'loss',
          points.map(({ loss }) => loss),
          (value) => value.toFixed(2),
        ),
        legend: names.map((label, series) => ({
          label,
          series,
          mark: (x, y) => element('circle', { cx: x, cy: y, r: 3.5, fill: 'currentColor' }),
        })),
      },
      (plot) =>
        results.map(({ name, curve }) =>
          drawCurve(
            curve.map(({ step, loss }) => ({ step, value: loss })),
            plot.x,
            plot.y,
            names.indexOf(name),
          ),
        ),
    ),
  )
}
