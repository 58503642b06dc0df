import { formatCount } from '../core/format-count.ts'
import type { AdapterResult, Comparison } from '../training/comparison/comparison.ts'
import { details } from './figure.ts'
import { formatAccuracy } from './format.ts'
import { groupAdapters } from './groups.ts'
import { type Html, html } from './html.ts'

/** The verdict on more pairs is long. */
const MAX_PAIRS = 3

/** Returns the conclusion in plain words, and the verdict of the comparison as it is. */
export function renderVerdict(comparison: Comparison): Html {
  const { n, verdict } = comparison
  const { leader, level, behind } = groupAdapters(comparison)
  const reviews = n === 1 ? 'this review' : `these ${formatCount(n)} reviews`
  const better = behind.length === 0 ? [] : [html` It is better than ${nameAll(behind)}.`]
  const undecided =
    level.length === 0
      ? []
      : [
          html` On ${reviews}, it cannot be distinguished from ${nameAll(level)}, which may be better, worse or as good.`,
        ]
  const words = html`<p class="exact">${verdict}</p>`
  const exact = comparison.pairs.length > MAX_PAIRS ? details('The verdict on all pairs', words) : words
  return html`<section class="verdict" aria-labelledby="verdict"><h2 id="verdict">Verdict</h2><p class="conclusion"><b>${leader.name}</b> has the highest accuracy, ${formatAccuracy(leader.accuracy)} %.${better}${undecided}</p>${exact}<dl class="groups">${renderGroup('Leads', [leader])}${renderGroup('Cannot be distinguished from it', level)}${renderGroup('Behind it', behind)}</dl></section>`
}

function renderGroup(term: string, adapters: readonly AdapterResult[]): Html {
  if (adapters.length === 0) return html``
  const items = adapters.map(
    ({ name, accuracy }) =>
      html`<dd>${name} <span class="number"><data value="${accuracy}">${formatAccuracy(accuracy)}</data> %</span></dd>`,
  )
  return html`<div><dt>${term}</dt>${items}</div>`
}

/** A sentence with more names would be hard to read. */
const MAX_NAMES = 3

const nameAll = (adapters: readonly AdapterResult[]): Html | readonly Html[] =>
  adapters.length > MAX_NAMES
    ? html`${adapters.length} others`
    : adapters.map(({ name }, i) => {
        const separator = i === 0 ? '' : i === adapters.length - 1 ? ' and ' : ', '
        return html`${separator}<b>${name}</b>`
      })
