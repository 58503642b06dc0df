import { formatCount } from '../core/format-count.ts'
import type { Comparison, Flip } from '../training/comparison/comparison.ts'
import { formatScore } from './format.ts'
import { type Html, html } from './html.ts'

/** Returns the reviews on which the adapters disagree, with the filters that {@link filterReviews} brings to life. */
export function renderReviews({ flipped, disagreements, adapters }: Comparison): Html {
  if (flipped.length === 0) return html`<p>All adapters agree on all reviews.</p>`
  const labels = [...new Set(flipped.map(({ label }) => label))].sort()
  const names = adapters.map(({ name }) => name)
  const shown =
    flipped.length < disagreements
      ? `The ${flipped.length} most confident contradictions of ${formatCount(disagreements)} reviews with different answers.`
      : `All ${formatCount(disagreements)} reviews with different answers, the most confident contradictions first.`
  return html`<p>${shown}</p><form class="filters" hidden>${renderSelect('label', 'True label', labels)}${renderSelect('right', 'Right', names)}${renderSelect('wrong', 'Wrong', names)}<label>Text contains <input type="search" name="text" autocomplete="off"></label><p role="status"></p></form><ol class="reviews">${flipped.map((flip) => renderReview(flip, labels.indexOf(flip.label), names))}</ol>`
}

/** Returns a choice of one of the names, by its position. */
const renderSelect = (field: string, title: string, names: readonly string[]): Html =>
  html`<label>${title} <select name="${field}"><option value="">any</option>${names.map((name, i) => html`<option value="${i}">${name}</option>`)}</select></label>`

function renderReview({ id, row, label, text, answers }: Flip, labelIndex: number, names: readonly string[]): Html {
  const positions = (right: boolean) => answers.flatMap((answer, i) => (answer.right === right ? [i] : [])).join(' ')
  const items = answers.map(
    (answer, i) =>
      html`<li class="${answer.right ? 'right' : 'wrong'}"><span class="name">${names[i]}</span> <span class="label">${answer.label}</span> <data value="${answer.probability}">${formatScore(answer.probability)}</data> <span class="outcome">${answer.right ? '✓ right' : '✗ wrong'}</span></li>`,
  )
  const known = id === String(row) ? '' : `${id}, `
  return html`<li class="review" data-label="${labelIndex}" data-right="${positions(true)}" data-wrong="${positions(false)}"><p class="text">${text}</p><p class="truth">Review ${known}row ${row}. True label: <b>${label}</b></p><ul>${items}</ul></li>`
}
