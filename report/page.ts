import { createHash } from 'node:crypto'
import { toSvgDocument } from '../charts/svg.ts'
import type { Comparison } from '../training/comparison/comparison.ts'
import { renderComparison, titleOf } from './body.ts'
import {
  type DrawComparison,
  drawAccuracies,
  drawCalibration,
  drawDifferences,
  drawPairs,
  drawParameters,
  drawSlices,
} from './comparison-charts.ts'
import { WIDE } from './figure.ts'
import { filterReviews } from './filter-reviews.ts'
import { html } from './html.ts'
import { REPORT_STYLE } from './style.ts'

const STYLE = `:root{color-scheme:light dark}
@media print{:root{color-scheme:light}}
body{margin:0;background:light-dark(#ffffff,#0d1117);color:light-dark(#24292f,#e6edf3)}
${REPORT_STYLE}`
const SCRIPT = `(${filterReviews})(document)`

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** The content security policy of a report: it loads nothing, and only its own style and script apply. */
export const REPORT_POLICY: string = `default-src 'none'; style-src ${hashOf(STYLE)}; script-src ${hashOf(SCRIPT)}; base-uri 'none'; form-action 'none'`

/** Returns the report of a comparison as a complete page, which needs no other file. Equal results give equal pages. */
export const renderReportPage = (comparison: Comparison): string =>
  html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="Content-Security-Policy" content="${{ html: REPORT_POLICY }}"><title>${titleOf(comparison)}</title><style>${{ html: STYLE }}</style></head>
<body><main class="report"><h1>${titleOf(comparison)}</h1>${renderComparison(comparison)}</main><script>${{ html: SCRIPT }}</script></body></html>
`.html

const charts: Readonly<Record<string, DrawComparison>> = {
  accuracy: drawAccuracies,
  differences: drawDifferences,
  pairs: drawPairs,
  calibration: drawCalibration,
  slices: drawSlices,
  parameters: drawParameters,
}

/** Returns the files of a report in a folder, by name: the page, and each of its charts as SVG. */
export function renderReportFiles(comparison: Comparison): Record<string, string> {
  const { slices, adapters } = comparison
  const isEmpty: Readonly<Record<string, boolean>> = {
    slices: slices.length === 0,
    parameters: adapters.every(({ trainable }) => trainable === undefined),
  }
  const drawn = Object.entries(charts).filter(([name]) => !isEmpty[name])
  return {
    'report.html': renderReportPage(comparison),
    ...Object.fromEntries(drawn.map(([name, draw]) => [`${name}.svg`, toSvgDocument(draw(comparison, WIDE))])),
  }
}
