import { drawChart, formatPower, line, linearAxis, logAxis } from '../charts/chart.ts'
import { drawForest } from '../charts/forest.ts'
import { drawMatrix, type MatrixCell } from '../charts/matrix.ts'
import { drawReliability } from '../charts/reliability.ts'
import { type Drawing, element, type Svg, seriesStyle, textAt } from '../charts/svg.ts'
import { formatCount } from '../core/format-count.ts'
import type { AdapterResult, Comparison } from '../training/comparison/comparison.ts'
import { formatAccuracy, formatInterval, formatPoints, formatPointsInterval, formatScore } from './format.ts'
import { groupAdapters } from './groups.ts'

const percent = (share: number): number => 100 * share
const toPercent = ([low, high]: readonly [number, number]): readonly [number, number] => [percent(low), percent(high)]
const formatTick = (value: number): string => String(Math.round(100 * value) / 100)
/** A narrow chart has room for fewer ticks. */
const tickIntervals = (width: number): number => (width < 480 ? 4 : 6)

/** Draws a chart of a comparison with a given width. */
export type DrawComparison = (comparison: Comparison, width: number) => Drawing

/** Draws the accuracy of each adapter with its interval. */
export function drawAccuracies({ adapters }: Comparison, width: number): Drawing {
  return drawForest({
    title: 'Accuracy, with 95 % intervals',
    description: adapters
      .map(({ name, accuracy, interval }) => `${name}: ${formatAccuracy(accuracy)} (${formatInterval(interval)})`)
      .join('; '),
    axis: linearAxis(
      'per cent of the reviews',
      adapters.flatMap(({ interval }) => toPercent(interval)),
      formatTick,
      tickIntervals(width),
    ),
    groups: [{ rows: adapters.map((adapter, series) => ({ names: [adapter.name], ...toRow(adapter), series })) }],
    width,
  })
}

const toRow = ({ accuracy, interval }: Pick<AdapterResult, 'accuracy' | 'interval'>) => ({
  value: percent(accuracy),
  interval: toPercent(interval),
  text: `${formatAccuracy(accuracy)} (${formatInterval(interval)})`,
})

/** Draws the difference of each pair with its interval, around the line at zero. */
export function drawDifferences({ pairs }: Comparison, width: number): Drawing {
  return drawForest({
    title: 'Second minus first, with 95 % intervals',
    description: pairs.map(({ verdict }) => verdict).join('; '),
    axis: linearAxis(
      'points of accuracy; above 0, the second is ahead',
      [0, ...pairs.flatMap(({ interval }) => toPercent(interval))],
      formatTick,
      tickIntervals(width),
    ),
    groups: [
      {
        rows: pairs.map(({ a, b, difference, interval }) => ({
          names: [a, b],
          value: percent(difference),
          interval: toPercent(interval),
          text: `${formatPoints(difference)} (${formatPointsInterval(interval)})`,
        })),
      },
    ],
    hasZeroLine: true,
    width,
  })
}

/** Draws each adapter against each other one, the most accurate first. A line separates those behind the leader. */
export function drawPairs(comparison: Comparison, width: number): Drawing {
  const { adapters } = comparison
  const { leader, level, behind } = groupAdapters(comparison)
  const sorted = [leader, ...level, ...behind]
  const cells = sorted.map((row) => sorted.map((column) => toCell(comparison, row.name, column.name)))
  const undecided = level.map(({ name }) => name).join(', ')
  return drawMatrix({
    title: 'Row minus column, in points of accuracy',
    description: `${leader.name} leads. ${undecided === '' ? 'It is better than all others.' : `The data cannot tell it from ${undecided}.`}`,
    names: sorted.map(({ name }) => name),
    series: sorted.map((adapter) => adapters.indexOf(adapter)),
    cells,
    groupSize: 1 + level.length,
    width,
  })
}

function toCell({ pairs }: Comparison, row: string, column: string): MatrixCell | undefined {
  for (const { a, b, difference, better } of pairs) {
    const isReversed = a === row && b === column
    if (!isReversed && !(a === column && b === row)) continue
    const outcome = better === null ? 'undecided' : better === row ? 'better' : 'worse'
    return { text: formatPoints(isReversed ? -difference : difference), outcome }
  }
  return undefined
}

/** Draws a reliability diagram for each adapter. */
export const drawCalibration = ({ adapters }: Comparison, width: number): Drawing =>
  drawReliability({
    title: 'Share that is right, by probability',
    description: adapters.map(({ name, ece }) => `${name}: ECE ${formatScore(ece)}`).join('; '),
    panels: adapters.map(({ name, ece, bins }, series) => ({
      label: name,
      note: `ECE ${formatScore(ece)}`,
      series,
      bins,
    })),
    width,
  })

/** Draws the accuracy of each adapter on each slice. */
export function drawSlices({ slices, adapters }: Comparison, width: number): Drawing {
  return drawForest({
    title: 'Accuracy by length and by label, with 95 % intervals',
    description: slices.map(({ by, name, n }) => `${by} ${name}: ${formatCount(n)} reviews`).join('; '),
    axis: linearAxis(
      'per cent of the reviews of the slice',
      slices.flatMap((slice) => slice.adapters.flatMap(({ interval }) => toPercent(interval))),
      formatTick,
      tickIntervals(width),
    ),
    groups: slices.map(({ by, name, n, adapters: results }) => ({
      heading: `${by} ${name}: ${formatCount(n)} reviews`,
      rows: results.map((result, series) => ({ names: [adapters[series].name], ...toRow(result), series })),
    })),
    width,
  })
}

/** Draws accuracy against trained parameters. Pipelines, whose parameters are not known, are left out. */
export function drawParameters({ adapters }: Comparison, width: number): Drawing {
  const points = adapters.flatMap(({ name, accuracy, interval, trainable }, series) =>
    trainable === undefined ? [] : [{ name, accuracy, interval, trainable, series }],
  )
  return drawChart(
    {
      title: 'Accuracy against trained parameters',
      description: points
        .map(({ name, accuracy, trainable }) => `${name}: ${formatCount(trainable)}, ${formatAccuracy(accuracy)}`)
        .join('; '),
      x: logAxis(
        'trained parameters (logarithmic)',
        points.map(({ trainable }) => trainable),
        formatPower,
      ),
      y: linearAxis(
        'per cent, with 95 % intervals',
        points.flatMap(({ interval }) => toPercent(interval)),
        formatTick,
      ),
      legend: points.map(({ name, series }) => ({
        label: `${series + 1}  ${name}`,
        series,
        mark: (x, y) => element('circle', { cx: x, cy: y, r: 4, fill: 'currentColor' }),
      })),
      width,
      height: width < 480 ? 240 : 300,
    },
    (plot) =>
      points.map(({ accuracy, interval, trainable, series }): Svg => {
        const [low, high] = toPercent(interval).map(plot.y)
        const [x, y] = [plot.x(trainable), plot.y(percent(accuracy))]
        const stroke = { stroke: 'currentColor', 'stroke-width': 1.5 }
        return element(
          'g',
          { class: seriesStyle(series).class },
          line(x, low, x, high, stroke),
          line(x - 4, low, x + 4, low, stroke),
          line(x - 4, high, x + 4, high, stroke),
          element('circle', { cx: x, cy: y, r: 4, fill: 'currentColor' }),
          textAt(x + 8, y + 4, String(series + 1), { 'font-weight': 'bold' }),
        )
      }),
  )
}
