/**
 * Measures what predictions and trainings cost against their size, prints tables, and draws each as an SVG:
 *
 * - `batch`: texts of 128 tokens in batches of 1 to 64, on one thread, on the T5-small shape with random weights;
 * - `length`: texts of 16 to 512 tokens, in batches of 4, likewise;
 * - `adapters`: real reviews, each with one of 1 to 1,000 LoRAs on the embedded base, on two threads;
 * - `rows`: from the start of `graft train --plan` to its plan, for data sets of 1,000 to 1,000,000 rows.
 *
 *   npm run bench -- sizes [--only batch,length,adapters,rows] [--rounds 5] [--out FOLDER] [--data FILE]
 *
 * Rounds go through all sizes in turn, so that the load of the machine is the same for all. It prints the median with
 * the smallest and largest of all rounds.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { toSvgDocument } from '../charts/svg.ts'
import { openAdapterCosts } from './adapter-costs.ts'
import { type CostSeries, drawCosts } from './cost-chart.ts'
import { imdb } from './imdb.ts'
import type { Measured } from './measured.ts'
import { quantile } from './quantiles.ts'
import { openRandomClassifier } from './random-classifier.ts'
import { T5_SMALL } from './random-model.ts'
import { openRowCosts } from './row-costs.ts'
import { startTable } from './table.ts'

const { values: flags } = parseArgs({
  args: process.argv.slice(3),
  options: {
    only: { type: 'string', default: 'batch,length,adapters,rows' },
    rounds: { type: 'string', default: '5' },
    out: { type: 'string' },
    data: { type: 'string', default: imdb.train },
  },
})

interface Plot {
  title: string
  size: string
  cost: string
  open(): Promise<readonly Measured[]>
}

const BATCHES = [1, 2, 4, 8, 16, 32, 64]
const LENGTHS = [16, 32, 64, 128, 256, 512]
const BATCH_LENGTH = 128
const LENGTH_BATCH = 4

/** Opens the classifier in both precisions. @param batchOf returns the lengths of the texts of a batch of a size */
const openClassifiers = (sizes: readonly number[], batchOf: (size: number) => number[]): Promise<Measured[]> =>
  Promise.all(
    (['f32', 'int8'] as const).map(async (precision) => {
      const { classify, close } = await openRandomClassifier({ config: T5_SMALL, precision, workers: 1 })
      const measure = async (size: number) => (1000 * (await classify([batchOf(size)]))) / batchOf(size).length
      return { name: precision, sizes, measure, close }
    }),
  )

const plots: Readonly<Record<string, Plot>> = {
  batch: {
    title: `Milliseconds for a text of ${BATCH_LENGTH} tokens, T5-small shape, one thread`,
    size: 'texts in a batch',
    cost: 'ms for each text',
    open: () => openClassifiers(BATCHES, (size) => Array<number>(size).fill(BATCH_LENGTH)),
  },
  length: {
    title: `Milliseconds for a text, T5-small shape, batches of ${LENGTH_BATCH}, one thread`,
    size: 'tokens of a text',
    cost: 'ms for each text',
    open: () => openClassifiers(LENGTHS, (size) => Array<number>(LENGTH_BATCH).fill(size)),
  },
  adapters: {
    title: 'Milliseconds for a real review, embedded base, two threads',
    size: 'LoRAs that the reviews have',
    cost: 'ms for each review',
    open: () => openAdapterCosts(flags.data),
  },
  rows: {
    title: 'Seconds until the plan of a training',
    size: 'rows of the training data',
    cost: 's',
    open: () => openRowCosts(flags.data),
  },
}

for (const name of flags.only.split(',')) {
  const plot = plots[name]
  if (!plot) throw new Error(`--only names ${name}, which is none of ${Object.keys(plots).join(', ')}`)
  const series = await measureAll(await plot.open())
  printTable(plot, series)
  if (flags.out !== undefined) {
    mkdirSync(flags.out, { recursive: true })
    writeFileSync(
      join(flags.out, `cost-${name}.svg`),
      toSvgDocument(drawCosts(plot.title, plot.size, plot.cost, series)),
    )
  }
}

async function measureAll(all: readonly Measured[]): Promise<CostSeries[]> {
  const costs = all.map(({ sizes }) => new Map(sizes.map((size): [number, number[]] => [size, []])))
  // The first round is a warm-up and does not count.
  for (let round = -1; round < Number(flags.rounds); round++)
    for (const [i, { sizes, measure }] of all.entries())
      for (const size of sizes) {
        const cost = await measure(size)
        if (round >= 0) costs[i].get(size)?.push(cost)
      }
  for (const { close } of all) await close()
  return all.map(({ name }, i) => ({
    name,
    points: [...costs[i]].map(([size, found]) => ({
      size,
      cost: quantile(found, 0.5),
      range: [Math.min(...found), Math.max(...found)] as const,
    })),
  }))
}

function printTable({ title, size: sizeTitle, cost }: Plot, series: readonly CostSeries[]): void {
  console.log(`\n${title}\n`)
  const row = startTable(sizeTitle, ...series.map(({ name }) => `${name}, ${cost}`))
  const sizes = [...new Set(series.flatMap(({ points }) => points.map(({ size }) => size)))]
  for (const size of sizes) {
    const cells = series.map(({ points }) => {
      const point = points.find((one) => one.size === size)
      if (!point) return ''
      const [median, low, high] = [point.cost, ...point.range].map((value) => value.toPrecision(3))
      return `${median} (${low} to ${high})`
    })
    row(size.toLocaleString('en'), ...cells)
  }
}
