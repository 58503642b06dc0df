import { toSvgElement } from '../charts/svg.ts'
import type { Comparison } from '../training/comparison/comparison.ts'
import type { DrawComparison } from './comparison-charts.ts'
import { type Html, html } from './html.ts'

/** The widths of a chart in a page, and of a file of its own: beside enough room, and on a phone. */
export const WIDE = 660
const NARROW = 328

/** Returns a chart in two widths, of which the page shows the one that fits. */
export function figure(draw: DrawComparison, comparison: Comparison): Html {
  const [wide, narrow] = [WIDE, NARROW].map((width) => ({ html: toSvgElement(draw(comparison, width)) }))
  return html`<figure><div class="wide">${wide}</div><div class="narrow">${narrow}</div></figure>`
}

/** A cell of a table. A number has its text, and its value for programs. */
type Cell = string | { value: number; text: string }

/** Returns a table whose rows begin with their heading. It scrolls sideways if it is too wide. */
export function table(caption: string, head: readonly string[], rows: readonly (readonly Cell[])[]): Html {
  const columns = head.map((name) => html`<th scope="col">${name}</th>`)
  const lines = rows.map(
    ([first, ...cells]) =>
      html`<tr><th scope="row">${renderCell(first)}</th>${cells.map((cell) => html`<td>${renderCell(cell)}</td>`)}</tr>`,
  )
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table><caption>${caption}</caption><thead><tr>${columns}</tr></thead><tbody>${lines}</tbody></table></div>`
}

const renderCell = (cell: Cell): Html =>
  typeof cell === 'string' ? html`${cell}` : html`<data value="${cell.value}">${cell.text}</data>`

/** Returns what a reader can open. */
export const details = (summary: string, content: Html): Html =>
  html`<details><summary>${summary}</summary>${content}</details>`
