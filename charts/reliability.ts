import { line } from './chart.ts'
import { type Drawing, element, fitText, type Svg, seriesStyle, textAt } from './svg.ts'

/** The predictions whose probability is in a range. */
export interface ReliabilityBin {
  n: number
  /** The mean probability of the predicted label. */
  confidence: number
  /** The share of the predictions that are right. */
  accuracy: number
  interval: readonly [low: number, high: number]
  /** The range of the probabilities. */
  low: number
  high: number
}

export interface ReliabilityPanel {
  label: string
  /** A line below the label, such as the calibration error. */
  note: string
  series: number
  bins: readonly ReliabilityBin[]
}

const TOP = 40
const MARGIN = 12
const MIN_PANEL_WIDTH = 190
const PANEL = { left: 40, right: 10, plotTop: 50, gap: 8, histogram: 30, bottom: 44 }

/**
 * Draws reliability diagrams, a panel for each classifier: how often it is right against how sure it is, on a diagonal
 * where both are equal. Below each, bars show how many predictions each range of probabilities has.
 */
export function drawReliability(chart: {
  title: string
  description?: string
  panels: readonly ReliabilityPanel[]
  width: number
}): Drawing {
  const { title, description, panels, width } = chart
  const fitting = Math.max(1, Math.min(panels.length, Math.floor((width - MARGIN) / MIN_PANEL_WIDTH)))
  // Rows of about the same length: four panels are two and two, not three and one.
  const columns = Math.ceil(panels.length / Math.ceil(panels.length / fitting))
  const panelWidth = Math.min(300, (width - MARGIN) / columns)
  const plotSize = panelWidth - PANEL.left - PANEL.right
  const panelHeight = PANEL.plotTop + plotSize + PANEL.gap + PANEL.histogram + PANEL.bottom
  // A predicted label of two has a probability of at least a half, so the other half of the diagram would be empty.
  const from = panels.every(({ bins }) => bins.every(({ confidence }) => confidence >= 0.5)) ? 0.5 : 0
  return {
    width,
    height: TOP + panelHeight * Math.ceil(panels.length / columns),
    title,
    description,
    content: [
      element('g', { class: 'ink' }, textAt(12, 26, fitText(title, width - 12), { 'font-weight': 'bold' })),
      ...panels.map((panel, i) =>
        element(
          'g',
          { transform: `translate(${(i % columns) * panelWidth} ${TOP + Math.floor(i / columns) * panelHeight})` },
          ...drawPanel(panel, panelWidth, plotSize, from),
        ),
      ),
    ],
  }
}

function drawPanel({ label, note, series, bins }: ReliabilityPanel, width: number, size: number, from: number): Svg[] {
  const { left, plotTop, gap, histogram } = PANEL
  const bottom = plotTop + size
  const toX = (value: number) => left + (size * (value - from)) / (1 - from)
  const toY = (value: number) => bottom - size * value
  const base = bottom + gap + histogram
  const most = Math.max(1, ...bins.map(({ n }) => n))
  const xTicks = from === 0 ? [0, 0.5, 1] : [0.5, 0.75, 1]
  const { class: color } = seriesStyle(series)
  return [
    element(
      'g',
      { class: 'grid', stroke: 'currentColor' },
      ...xTicks.map((tick) => line(toX(tick), plotTop, toX(tick), base)),
      ...[0, 0.25, 0.5, 0.75, 1].map((tick) => line(left, toY(tick), left + size, toY(tick))),
      line(left, base, left + size, base),
    ),
    element(
      'g',
      { class: 'ink' },
      textAt(12, 14, fitText(label, width - 16), { 'font-weight': 'bold' }),
      textAt(12, 32, note),
      ...xTicks.map((tick) => textAt(toX(tick), base + 15, formatShare(tick), { 'text-anchor': 'middle' })),
      ...[0, 0.5, 1].map((tick) => textAt(left - 6, toY(tick) + 4, formatShare(tick), { 'text-anchor': 'end' })),
      textAt(left + size / 2, base + 32, 'probability', { 'text-anchor': 'middle' }),
      line(toX(from), toY(from), toX(1), toY(1), { stroke: 'currentColor', 'stroke-dasharray': '4 4' }),
    ),
    element(
      'g',
      { class: color },
      ...bins.map(({ low, high, n }) => {
        const start = Math.max(low, from)
        const height = (histogram * n) / most
        const width = Math.max(1, toX(high) - toX(start) - 1)
        return element('rect', { x: toX(start), y: base - height, width, height, fill: 'currentColor', opacity: 0.55 })
      }),
      element('polyline', {
        points: bins
          .map(({ confidence, accuracy }) => `${toX(confidence).toFixed(1)},${toY(accuracy).toFixed(1)}`)
          .join(' '),
        fill: 'none',
        stroke: 'currentColor',
        'stroke-width': 1.5,
      }),
      ...bins.flatMap(({ confidence, accuracy, interval: [low, high] }) => [
        line(toX(confidence), toY(low), toX(confidence), toY(high), { stroke: 'currentColor', opacity: 0.55 }),
        element('circle', { cx: toX(confidence), cy: toY(accuracy), r: 3.5, fill: 'currentColor' }),
      ]),
    ),
  ]
}

const formatShare = (share: number): string => (share === 0 || share === 1 ? String(share) : String(share).slice(1))
