import { drawChart, line, linearAxis } from './chart.ts'
import { type Drawing, element, fitText, type Svg, seriesStyle, textAt } from './svg.ts'

/** A point of a training. Some points have an accuracy, on test data. */
export interface TrainingPoint {
  step: number
  loss: number
  accuracy?: number
}

export interface TrainingCurve {
  title: string
  points: readonly TrainingPoint[]
  /** The accuracy of the result on all test data, with its interval. Defaults to none. */
  final?: { accuracy: number; interval: readonly [low: number, high: number] }
}

const WIDTH = 640
const HEIGHT = 260
const TITLE_HEIGHT = 20
/** The gap between two charts, which have no legend. */
const OVERLAP = 16

/** Draws the loss of a training over its steps, and below it the accuracy if it was measured. */
export function drawTrainingCurve({ title, points, final }: TrainingCurve): Drawing {
  const last = points.at(-1)?.step ?? 1
  const measured = points.flatMap(({ step, accuracy }) => (accuracy === undefined ? [] : [{ step, value: accuracy }]))
  const x = linearAxis('step', [0, last], String)
  const losses = points.map(({ step, loss }) => ({ step, value: loss }))
  const lossChart = drawChart(
    {
      title: 'Loss, running mean',
      x,
      y: linearAxis('loss', [0, ...losses.map(({ value }) => value)], formatTick),
      legend: [],
      width: WIDTH,
      height: HEIGHT,
    },
    (plot) => [drawCurve(losses, plot.x, plot.y, 0)],
  )
  const charts = [lossChart]
  if (measured.length > 0 || final) {
    const values = [...measured.map(({ value }) => value), ...(final ? final.interval : [])]
    charts.push(
      drawChart(
        {
          title: final ? 'Accuracy on test reviews; at the end with its 95 % interval' : 'Accuracy on test reviews',
          x,
          y: linearAxis(
            'per cent',
            values.map((value) => 100 * value),
            formatTick,
          ),
          legend: [],
          width: WIDTH,
          height: HEIGHT,
        },
        (plot) => {
          const y = (share: number) => plot.y(100 * share)
          return [drawCurve(measured, plot.x, y, 1, true), ...(final ? [drawFinal(final, plot.x(last), y)] : [])]
        },
      ),
    )
  }
  const heights = charts.map(({ height }) => height - OVERLAP)
  const tops = heights.map((_, i) => TITLE_HEIGHT + heights.slice(0, i).reduce((sum, height) => sum + height, 0))
  return {
    width: WIDTH,
    height: TITLE_HEIGHT + heights.reduce((sum, height) => sum + height, 0),
    title,
    description: describeCurve(points, final),
    content: [
      element('g', { class: 'ink' }, textAt(12, 22, fitText(title, WIDTH - 24), { 'font-weight': 'bold' })),
      ...charts.map(({ content }, i) => element('g', { transform: `translate(0 ${tops[i]})` }, ...content)),
    ],
  }
}

/** Draws a line through points. A single point has a mark; with `hasMarks`, each has one. */
export function drawCurve(
  points: readonly { step: number; value: number }[],
  toX: (step: number) => number,
  toY: (value: number) => number,
  series: number,
  hasMarks = false,
): Svg {
  return element(
    'g',
    { class: seriesStyle(series).class },
    element('polyline', {
      points: points.map(({ step, value }) => `${toX(step).toFixed(1)},${toY(value).toFixed(1)}`).join(' '),
      fill: 'none',
      stroke: 'currentColor',
      'stroke-width': 1.5,
    }),
    ...(hasMarks || points.length === 1 ? points : []).map(({ step, value }) =>
      element('circle', { cx: toX(step), cy: toY(value), r: 3, fill: 'currentColor' }),
    ),
  )
}

function drawFinal(final: NonNullable<TrainingCurve['final']>, x: number, toY: (value: number) => number): Svg {
  const [low, high] = final.interval.map(toY)
  const stroke = { stroke: 'currentColor', 'stroke-width': 1.5 }
  return element(
    'g',
    { class: 'ink' },
    line(x, low, x, high, stroke),
    line(x - 4, low, x + 4, low, stroke),
    line(x - 4, high, x + 4, high, stroke),
    element('circle', { cx: x, cy: toY(final.accuracy), r: 4, fill: 'currentColor' }),
  )
}

function describeCurve(points: readonly TrainingPoint[], final: TrainingCurve['final']): string {
  const [first, last] = [points.at(0), points.at(-1)]
  if (!first || !last) return 'The training has no steps.'
  const loss = `The running mean of the loss is ${formatTick(first.loss)} at step ${first.step} and ${formatTick(last.loss)} at step ${last.step}.`
  return final ? `${loss} The accuracy at the end is ${(100 * final.accuracy).toFixed(2)} per cent.` : loss
}

const formatTick = (value: number): string => String(Math.round(1000 * value) / 1000)
