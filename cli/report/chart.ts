import { element, type Svg, seriesStyle, svgDocument, textAt } from './svg.ts'

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

const PLOT = { left: 62, top: 44, width: 540, height: 360 }
const LEGEND_GAP = 24
const LEGEND_LINE_HEIGHT = 22
/** More than the mean width of a character of the legend. */
const CHARACTER_WIDTH = 7

/** The place of the plot, in which marks are drawn. */
export interface Plot {
  x(value: number): number
  y(value: number): number
  left: number
  right: number
}

/**
 * Returns a chart as an SVG document: a title, two axes with a grid, the marks, and a legend on the right.
 * @param draw returns the marks
 */
export function drawChart(
  { title, x, y, legend }: { title: string; x: Axis; y: Axis; legend: readonly LegendEntry[] },
  draw: (plot: Plot) => readonly Svg[],
): string {
  const { left, top, width, height } = PLOT
  const [right, bottom] = [left + width, top + height]
  const plot: Plot = {
    x: (value) => left + width * x.position(value),
    y: (value) => bottom - height * y.position(value),
    left,
    right,
  }
  const legendWidth = 40 + CHARACTER_WIDTH * Math.max(0, ...legend.map(({ label }) => label.length))
  const size = {
    width: right + LEGEND_GAP + legendWidth,
    height: Math.max(bottom + 52, top + LEGEND_LINE_HEIGHT * legend.length + 16),
  }
  return svgDocument(
    size,
    title,
    element(
      'g',
      { class: 'grid', stroke: 'currentColor' },
      ...x.ticks.map(({ value }) => line(plot.x(value), top, plot.x(value), bottom)),
      ...y.ticks.map(({ value }) => line(left, plot.y(value), right, plot.y(value))),
    ),
    element(
      'g',
      { class: 'ink' },
      textAt(left, 26, title, { 'font-weight': 'bold' }),
      ...x.ticks.map(({ value, label }) => textAt(plot.x(value), bottom + 18, label, { 'text-anchor': 'middle' })),
      ...y.ticks.map(({ value, label }) => textAt(left - 8, plot.y(value) + 4, label, { 'text-anchor': 'end' })),
      textAt(left + width / 2, bottom + 40, x.title, { 'text-anchor': 'middle' }),
      textAt(0, 0, y.title, { 'text-anchor': 'middle', transform: `translate(18 ${top + height / 2}) rotate(-90)` }),
    ),
    ...draw(plot),
    ...legend.map(({ label, series, mark }, i) => {
      const [at, middle] = [right + LEGEND_GAP, top + 10 + LEGEND_LINE_HEIGHT * i]
      const attributes = series === undefined ? { class: 'ink' } : { class: seriesStyle(series).class }
      return element('g', attributes, mark(at + 12, middle), textAt(at + 30, middle + 4, label, { class: 'ink' }))
    }),
  )
}

export const line = (x1: number, y1: number, x2: number, y2: number, attributes: object = {}): Svg =>
  element('line', { x1, y1, x2, y2, ...attributes })

/** Returns an axis over all values, whose ticks are multiples of 1, 2 or 5 times a power of ten. */
export function linearAxis(title: string, values: readonly number[], format: (value: number) => string): Axis {
  const [low, high] = widen(Math.min(...values), Math.max(...values))
  const rough = (high - low) / 6
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
