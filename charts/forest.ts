import { type Axis, line } from './chart.ts'
import { CHARACTER_WIDTH, type Drawing, element, fitNames, fitText, type Svg, seriesStyle, textAt } from './svg.ts'

/** A value with its interval, in the unit of the axis. */
export interface ForestRow {
  /** One name, or several with commas between them. */
  names: readonly string[]
  value: number
  interval: readonly [low: number, high: number]
  /** The numbers as text, at the end of the row. */
  text: string
  /** The number of the series, which determines the color. Defaults to the color of text. */
  series?: number
}

export interface ForestGroup {
  /** Defaults to no line above the rows. */
  heading?: string
  rows: readonly ForestRow[]
}

export interface Forest {
  title: string
  description?: string
  axis: Axis
  groups: readonly ForestGroup[]
  /** Draws a line at 0. Defaults to false. */
  hasZeroLine?: boolean
  width: number
}

const TOP = 44
const HEADING_HEIGHT = 28
const AXIS_HEIGHT = 48
const MARGIN = 12
const GAP = 14
/** A chart that is narrower has the label and the numbers of a row above its interval. */
const MIN_WIDTH_IN_COLUMNS = 480
/** The largest share of the width that the labels take. */
const MAX_LABEL_SHARE = 0.34

/**
 * Draws a forest plot: a point with its interval in each row, on a common axis.
 *
 * @example
 * drawForest({
 *   title: 'Accuracy',
 *   axis: linearAxis('per cent', [80, 86], String),
 *   groups: [{ rows: [{ names: ['film'], value: 84.5, interval: [83.4, 85.5], text: '84.50 (83.40 to 85.50)' }] }],
 *   width: 640,
 * })
 */
export function drawForest({ title, description, axis, groups, hasZeroLine, width }: Forest): Drawing {
  const rows = groups.flatMap((group) => group.rows)
  const widthOf = (texts: readonly string[]) => CHARACTER_WIDTH * Math.max(0, ...texts.map(({ length }) => length))
  const inColumns = width >= MIN_WIDTH_IN_COLUMNS
  const textWidth = widthOf(rows.map(({ text }) => text))
  const labelWidth = Math.min(MAX_LABEL_SHARE * width, widthOf(rows.map(({ names }) => names.join(', '))))
  const left = MARGIN + (inColumns ? labelWidth + GAP : GAP)
  const right = width - MARGIN - (inColumns ? textWidth + GAP : GAP)
  const rowHeight = inColumns ? 24 : 40
  const toX = (value: number) => left + (right - left) * axis.position(value)

  let y = TOP
  const marks: Svg[] = []
  for (const { heading, rows } of groups) {
    if (heading !== undefined) {
      const shown = fitText(heading, width - 2 * MARGIN)
      marks.push(element('g', { class: 'ink' }, textAt(MARGIN, y + 18, shown, { 'font-weight': 'bold' })))
      y += HEADING_HEIGHT
    }
    for (const row of rows) {
      const [middle, baseline] = inColumns ? [y + 12, y + 16] : [y + 27, y + 14]
      const labelSpace = inColumns ? labelWidth : width - 2 * MARGIN - textWidth - GAP
      marks.push(
        element(
          'g',
          { class: 'ink' },
          textAt(MARGIN, baseline, fitNames(row.names, labelSpace)),
          textAt(width - MARGIN, baseline, row.text, { 'text-anchor': 'end' }),
        ),
        drawInterval(row, toX, middle),
      )
      y += rowHeight
    }
  }
  const bottom = y + 4
  return {
    width,
    height: bottom + AXIS_HEIGHT,
    title,
    description,
    content: [
      element(
        'g',
        { class: 'grid', stroke: 'currentColor' },
        ...axis.ticks.map(({ value }) => line(toX(value), TOP - 4, toX(value), bottom)),
      ),
      ...(hasZeroLine
        ? [element('g', { class: 'ink' }, line(toX(0), TOP - 4, toX(0), bottom, { stroke: 'currentColor' }))]
        : []),
      element(
        'g',
        { class: 'ink' },
        textAt(MARGIN, 26, fitText(title, width - 2 * MARGIN), { 'font-weight': 'bold' }),
        ...axis.ticks.map(({ value, label }) => textAt(toX(value), bottom + 16, label, { 'text-anchor': 'middle' })),
        textAt((left + right) / 2, bottom + 36, axis.title, { 'text-anchor': 'middle' }),
      ),
      ...marks,
    ],
  }
}

function drawInterval({ value, interval, series }: ForestRow, toX: (value: number) => number, y: number): Svg {
  const [low, high] = interval.map(toX)
  const stroke = { stroke: 'currentColor', 'stroke-width': 2 }
  return element(
    'g',
    { class: series === undefined ? 'ink' : seriesStyle(series).class },
    line(low, y, high, y, stroke),
    line(low, y - 4, low, y + 4, stroke),
    line(high, y - 4, high, y + 4, stroke),
    element('circle', { cx: toX(value), cy: y, r: 4.5, fill: 'currentColor' }),
  )
}
