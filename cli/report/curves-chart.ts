import { drawChart, line, linearAxis, type Plot } from '../../charts/chart.ts'
import { type Drawing, element, type Svg, seriesStyle } from '../../charts/svg.ts'
import type { SweepReport } from '../sweep/report.ts'
import { numberedName, seriesOf } from './series.ts'

interface Point {
  /** The share of the training, in per cent. */
  x: number
  loss: number
}

/** Draws the learning curves: the running mean of the loss over each training, one line for each seed. */
export function drawCurves({ name, rows }: SweepReport): Drawing {
  const series = rows.map(({ trainings, shares_trainings_of }) =>
    shares_trainings_of === undefined
      ? trainings.flatMap(({ curve, steps }): Point[][] =>
          curve && steps ? [curve.map(({ step, loss }) => ({ x: (100 * step) / steps, loss }))] : [],
        )
      : [],
  )
  const losses = series.flat(2).map(({ loss }) => loss)
  return drawChart(
    {
      title: `${name}: learning curves`,
      x: linearAxis('per cent of the training', [0, 100], String),
      y: linearAxis('loss, running mean', [0, ...(losses.length > 0 ? losses : [1])], formatTick),
      legend: rows.map((_, i) => ({
        label: numberedName(rows, i),
        series: seriesOf(rows, i),
        mark: (x, y) =>
          line(x - 12, y, x + 12, y, {
            stroke: 'currentColor',
            'stroke-width': 2,
            'stroke-dasharray': seriesStyle(seriesOf(rows, i))['stroke-dasharray'],
          }),
      })),
    },
    (plot) => series.flatMap((curves, i) => curves.map((points) => polyline(plot, points, seriesOf(rows, i)))),
  )
}

const polyline = (plot: Plot, points: readonly Point[], series: number): Svg =>
  element('polyline', {
    ...seriesStyle(series),
    points: points.map(({ x, loss }) => `${plot.x(x).toFixed(1)},${plot.y(loss).toFixed(1)}`).join(' '),
    fill: 'none',
    stroke: 'currentColor',
    'stroke-width': 1.3,
    'stroke-opacity': 0.8,
  })

const formatTick = (value: number): string => String(Math.round(1000 * value) / 1000)
