import { line } from './chart.ts'
import { CHARACTER_WIDTH, type Drawing, element, fitText, type Svg, seriesStyle, textAt } from './svg.ts'

/** The row compared with the column. */
export interface MatrixCell {
  text: string
  outcome: 'better' | 'worse' | 'undecided'
}

export interface Matrix {
  title: string
  description?: string
  /** The names of the rows, which are also those of the columns. */
  names: readonly string[]
  /** The series of each row, from 0, which determines its number and its color. */
  series: readonly number[]
  /** [row, column]. The diagonal is undefined. */
  cells: readonly (readonly (MatrixCell | undefined)[])[]
  /** Draws a line after this many rows and columns, between two groups. */
  groupSize: number
  width: number
}

const TOP = 44
const MARGIN = 12
const CELL_HEIGHT = 40
const HEAD_HEIGHT = 26
const LEGEND_LINE_HEIGHT = 22
const MAX_CELL_WIDTH = 84
/** A chart that is narrower numbers its rows, and lists their names below. */
const MIN_WIDTH_WITH_NAMES = 480

const outcomes = {
  better: { symbol: '▲', says: 'the row is better', series: 2 },
  worse: { symbol: '▼', says: 'the row is worse', series: 4 },
  undecided: { symbol: '≈', says: 'cannot tell', series: 9 },
} as const

/** Draws a square of cells, each of which compares its row with its column. */
export function drawMatrix({ title, description, names, series, cells, groupSize, width }: Matrix): Drawing {
  const hasNames = width >= MIN_WIDTH_WITH_NAMES
  const longest = CHARACTER_WIDTH * (3 + Math.max(...names.map(({ length }) => length)))
  const left = MARGIN + (hasNames ? Math.min(0.3 * width, longest) + 8 : 18)
  const cellWidth = Math.min(MAX_CELL_WIDTH, (width - left - MARGIN) / names.length)
  const top = TOP + HEAD_HEIGHT
  const [right, bottom] = [left + cellWidth * names.length, top + CELL_HEIGHT * names.length]
  const legend = [
    ...Object.values(outcomes).map(({ symbol, says, series }) => ({ symbol, says, series: series as number })),
    ...(hasNames ? [] : names.map((name, i) => ({ symbol: String(series[i] + 1), says: name, series: series[i] }))),
  ]
  const [x, y] = [left + cellWidth * groupSize, top + CELL_HEIGHT * groupSize]
  return {
    width,
    height: bottom + 14 + LEGEND_LINE_HEIGHT * legend.length,
    title,
    description,
    content: [
      element('g', { class: 'ink' }, textAt(12, 26, fitText(title, width - 12), { 'font-weight': 'bold' })),
      ...names.flatMap((name, i) => {
        const label = hasNames ? fitText(`${series[i] + 1}  ${name}`, left - MARGIN - 8) : String(series[i] + 1)
        const bold = { 'font-weight': 'bold' }
        return element(
          'g',
          { class: seriesStyle(series[i]).class },
          textAt(MARGIN, top + CELL_HEIGHT * i + CELL_HEIGHT / 2 + 4, label, bold),
          textAt(left + cellWidth * (i + 0.5), top - 8, String(series[i] + 1), { 'text-anchor': 'middle', ...bold }),
        )
      }),
      ...cells.flatMap((row, i) =>
        row.map((cell, j) => drawCell(cell, left + cellWidth * j, top + CELL_HEIGHT * i, cellWidth)),
      ),
      ...(groupSize < names.length
        ? [
            element(
              'g',
              { class: 'ink', stroke: 'currentColor', 'stroke-width': 2 },
              line(x, top - HEAD_HEIGHT + 4, x, bottom),
              line(MARGIN, y, right, y),
            ),
          ]
        : []),
      ...legend.map(({ symbol, says, series }, i) => {
        const baseline = bottom + 24 + LEGEND_LINE_HEIGHT * i
        return element(
          'g',
          { class: seriesStyle(series).class },
          textAt(MARGIN, baseline, symbol, { 'font-weight': 'bold' }),
          textAt(MARGIN + 20, baseline, fitText(says, width - MARGIN - 24), { class: 'ink' }),
        )
      }),
    ],
  }
}

function drawCell(cell: MatrixCell | undefined, x: number, y: number, width: number): Svg {
  const size = { x: x + 1, y: y + 1, width: width - 2, height: CELL_HEIGHT - 2, rx: 3 }
  if (!cell) return element('g', { class: 'grid' }, element('rect', { ...size, fill: 'currentColor' }))
  const { symbol, series } = outcomes[cell.outcome]
  const middle = { 'text-anchor': 'middle' }
  return element(
    'g',
    { class: seriesStyle(series).class },
    element('rect', { ...size, fill: 'currentColor', opacity: cell.outcome === 'undecided' ? 0.08 : 0.16 }),
    textAt(x + width / 2, y + 16, symbol, middle),
    textAt(x + width / 2, y + 32, cell.text, { class: 'ink', ...middle }),
  )
}
