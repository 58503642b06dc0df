import { drawChart, formatPower, type LegendEntry, line, linearAxis, logAxis, type Plot } from '../../charts/chart.ts'
import { type Drawing, element, type Svg, seriesStyle, textAt } from '../../charts/svg.ts'
import type { RowResult, SweepReport } from '../sweep/report.ts'
import { numberedName, seriesOf } from './series.ts'

/**
 * Draws accuracy against trained parameters: a filled point with its interval for each row, a hollow point for each
 * published figure, and a dashed line for the baseline.
 */
export function drawAccuracy({ name, rows, baseline }: SweepReport): Drawing {
  const values = rows.flatMap(({ accuracy, published }) => [
    ...(accuracy ? accuracy.interval.map((end) => 100 * end) : []),
    ...(published === undefined ? [] : [published]),
  ])
  if (baseline) values.push(100 * baseline.accuracy)
  const hasPublished = rows.some(({ published }) => published !== undefined)
  const legend: LegendEntry[] = rows.map((row, i) => ({
    label: numberedName(rows, i),
    series: seriesOf(rows, i),
    mark: (x, y) => point(x, y, row.accuracy !== undefined),
  }))
  if (hasPublished) legend.push({ label: 'published', mark: (x, y) => point(x, y, false) })
  if (baseline) legend.push({ label: 'TF-IDF', mark: (x, y) => dashes(x - 12, x + 12, y) })
  return drawChart(
    {
      title: `${name}: accuracy and trained parameters`,
      x: logAxis(
        'trained parameters (logarithmic)',
        rows.map(({ trainable }) => trainable),
        formatPower,
      ),
      y: linearAxis('accuracy, per cent, with 95 % intervals', values.length > 0 ? values : [0, 100], formatTick),
      legend,
    },
    (plot) => [
      ...(baseline
        ? [element('g', { class: 'ink' }, dashes(plot.left, plot.right, plot.y(100 * baseline.accuracy)))]
        : []),
      ...rows.map((_, i) => element('g', { class: seriesStyle(seriesOf(rows, i)).class }, ...drawRow(plot, rows, i))),
    ],
  )
}

function drawRow(plot: Plot, rows: readonly RowResult[], i: number): Svg[] {
  const { trainable, accuracy, published, shares_trainings_of } = rows[i]
  const x = plot.x(trainable)
  const marks: Svg[] = []
  // Rows that share their trainings have one point, with the numbers of all of them.
  if (accuracy && shares_trainings_of === undefined) {
    const [low, high] = accuracy.interval.map((end) => plot.y(100 * end))
    const y = plot.y(100 * accuracy.mean)
    const stroke = { stroke: 'currentColor', 'stroke-width': 1.5 }
    marks.push(
      line(x, low, x, high, stroke),
      line(x - 4, low, x + 4, low, stroke),
      line(x - 4, high, x + 4, high, stroke),
    )
    marks.push(point(x, y, true), textAt(x + 8, y + 4, numbersOf(rows, i), { 'font-weight': 'bold' }))
  }
  if (published !== undefined) {
    const y = plot.y(published)
    marks.push(point(x, y, false), textAt(x - 8, y + 4, String(i + 1), { 'text-anchor': 'end' }))
  }
  return marks
}

/** Returns the numbers of a row and of those that share its trainings. */
const numbersOf = (rows: readonly RowResult[], i: number): string =>
  rows.flatMap((_, other) => (seriesOf(rows, other) === seriesOf(rows, i) ? [String(other + 1)] : [])).join(', ')

const point = (cx: number, cy: number, filled: boolean): Svg =>
  element('circle', {
    cx,
    cy,
    r: 4,
    stroke: 'currentColor',
    fill: filled ? 'currentColor' : 'none',
    'stroke-width': 1.5,
  })

const dashes = (from: number, to: number, y: number): Svg =>
  line(from, y, to, y, { stroke: 'currentColor', 'stroke-dasharray': '6 4' })

const formatTick = (value: number): string => String(Math.round(100 * value) / 100)
