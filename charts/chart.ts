import { CHARACTER_WIDTH, type Drawing, element, fitText, type Svg, seriesStyle, textAt } from './svg.ts'

/** An axis: its range, its ticks, and where a value is on it, from 0 to 1. */
export interface Axis {
  title: string
  ticks: readonly { value: number; label: string }[]
  position(value: number): number
}

/** An entry of the legend. */
export interface LegendEntry {
  label: string
  /** The number of the series, which determines its color. Defaults to the color of text. */
  series?: number
  /** Returns the mark, centered at a point. */
  mark(x: number, y: number): Svg
}

const TOP = 44
const LEFT = 62
const LEGEND_GAP = 24
const LEGEND_LINE_HEIGHT = 22
const AXIS_HEIGHT = 52

/** The place of the plot, in which marks are drawn. */
export interface Plot {
  x(value: number): number
  y(value: number): number
  left: number
  right: number
  top: number
  bottom: number
}

export interface ChartOptions {
  title: string
  description?: string
  x: Axis
  y: Axis
  legend: readonly LegendEntry[]
  /** The width of the chart, with its legend below the plot. Defaults to a wide plot with the legend beside it. */
  width?: number
  /** The height of the plot. Defaults to 360. */
  height?: number
}

/**
 * Draws a title, two axes with a grid, the marks, and a legend.
 * @param draw returns the marks
 */
export function drawChart(options: ChartOptions, draw: (plot: Plot) => readonly Svg[]): Drawing {
  const { title, description, x, y, legend, width, height = 360 } = options
  const plotWidth = width === undefined ? 540 : width - LEFT - 16
  const [right, bottom] = [LEFT + plotWidth, TOP + height]
  const plot: Plot = {
    x: (value) => LEFT + plotWidth * x.position(value),
    y: (value) => bottom - height * y.position(value),
    left: LEFT,
    right,
    top: TOP,
    bottom,
  }
  const legendWidth = 40 + CHARACTER_WIDTH * Math.max(0, ...legend.map(({ label }) => label.length))
  const legendHeight = LEGEND_LINE_HEIGHT * legend.length + 16
  const [legendLeft, legendTop] = width === undefined ? [right + LEGEND_GAP, TOP] : [12, bottom + AXIS_HEIGHT + 4]
  return {
    width: width ?? legendLeft + legendWidth,
    height: width === undefined ? Math.max(bottom + AXIS_HEIGHT, TOP + legendHeight) : legendTop + legendHeight,
    title,
    description,
    content: [
      ...drawAxes(plot, x, y, TOP, bottom),
      element('g', { class: 'ink' }, textAt(12, 26, fitText(title, (width ?? right) - 12), { 'font-weight': 'bold' })),
      ...draw(plot),
      ...legend.map(({ label, series, mark }, i) => {
        const [at, middle] = [legendLeft, legendTop + 10 + LEGEND_LINE_HEIGHT * i]
        const attributes = series === undefined ? { class: 'ink' } : { class: seriesStyle(series).class }
        const shown = width === undefined ? label : fitText(label, width - at - 30)
        return element('g', attributes, mark(at + 12, middle), textAt(at + 30, middle + 4, shown, { class: 'ink' }))
      }),
    ],
  }
}

/** Draws the grid, the ticks and the titles of two axes. */
export function drawAxes({ x: toX, y: toY, left, right }: Plot, x: Axis, y: Axis, top: number, bottom: number): Svg[] {
  return [
    element(
      'g',
      { class: 'grid', stroke: 'currentColor' },
      ...x.ticks.map(({ value }) => line(toX(value), top, toX(value), bottom)),
      ...y.ticks.map(({ value }) => line(left, toY(value), right, toY(value))),
    ),
    element(
      'g',
      { class: 'ink' },
      ...x.ticks.map(({ value, label }) => textAt(toX(value), bottom + 18, label, { 'text-anchor': 'middle' })),
      ...y.ticks.map(({ value, label }) => textAt(left - 8, toY(value) + 4, label, { 'text-anchor': 'end' })),
      textAt((left + right) / 2, bottom + 40, x.title, { 'text-anchor': 'middle' }),
      textAt(0, 0, y.title, {
        'text-anchor': 'middle',
        transform: `translate(${Math.max(12, left - 44)} ${(top + bottom) / 2}) rotate(-90)`,
      }),
    ),
  ]
}

export const line = (x1: number, y1: number, x2: number, y2: number, attributes: object = {}): Svg =>
  element('line', { x1, y1, x2, y2, ...attributes })

/**
 * Returns an axis over all values, whose ticks are multiples of 1, 2 or 5 times a power of ten.
 * @param intervals the approximate number of intervals between ticks. Defaults to 6
 */
export function linearAxis(
  title: string,
  values: readonly number[],
  format: (value: number) => string,
  intervals = 6,
): Axis {
  const [low, high] = widen(Math.min(...values), Math.max(...values))
  const rough = (high - low) / intervals
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10)
  const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)]
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => {
    const value = step * (first + i)
    return { value, label: format(value) }
  })
  return { title, ticks, position: (value) => (value - step * first) / (step * (last - first)) }
}

/** Returns a logarithmic axis over all values, which are above 0. Its ticks are powers of ten. */
export function logAxis(title: string, values: readonly number[], format: (value: number) => string): Axis {
  const logs = values.map(Math.log10)
  const first = Math.floor(Math.min(...logs))
  const last = Math.max(first + 1, Math.ceil(Math.max(...logs)))
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => {
    const value = 10 ** (first + i)
    return { value, label: format(value) }
  })
  return { title, ticks, position: (value) => (Math.log10(value) - first) / (last - first) }
}

/** Returns a range with a width above 0. */
const widen = (low: number, high: number): [number, number] => (high > low ? [low, high] : [low - 0.5, high + 0.5])

/** Formats a power of ten as 100, 1k, 10k, 1M. */
export function formatPower(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`
  return value >= 1000 ? `${value / 1000}k` : String(value)
}
