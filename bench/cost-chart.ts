import { drawChart, formatPower, line, logAxis } from '../charts/chart.ts'
import { type Drawing, element, seriesStyle } from '../charts/svg.ts'
import { drawCurve } from '../charts/training-curve.ts'

/** A cost at a size. */
export interface CostPoint {
  size: number
  cost: number
  /** The smallest and the largest cost of all rounds. */
  range: readonly [low: number, high: number]
}

export interface CostSeries {
  name: string
  points: readonly CostPoint[]
}

/** Draws costs against sizes, both on logarithmic axes, with the range of each cost. */
export function drawCosts(title: string, sizeTitle: string, costTitle: string, all: readonly CostSeries[]): Drawing {
  const points = all.flatMap((series) => series.points)
  return drawChart(
    {
      title,
      description: all
        .map(
          ({ name, points }) =>
            `${name}: ${points.map(({ size, cost }) => `${cost.toPrecision(3)} at ${size}`).join(', ')}`,
        )
        .join('; '),
      x: logAxis(
        sizeTitle,
        points.map(({ size }) => size),
        formatPower,
      ),
      y: logAxis(
        costTitle,
        points.flatMap(({ range }) => range),
        formatPower,
      ),
      legend: all.map(({ name }, series) => ({
        label: name,
        series,
        mark: (x, y) => element('circle', { cx: x, cy: y, r: 3, fill: 'currentColor' }),
      })),
    },
    (plot) =>
      all.flatMap(({ points }, series) => [
        drawCurve(
          points.map(({ size, cost }) => ({ step: size, value: cost })),
          plot.x,
          plot.y,
          series,
          true,
        ),
        element(
          'g',
          { class: seriesStyle(series).class },
          ...points.map(({ size, range: [low, high] }) =>
            line(plot.x(size), plot.y(low), plot.x(size), plot.y(high), { stroke: 'currentColor' }),
          ),
        ),
      ]),
  )
}
