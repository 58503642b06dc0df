import { catalogue } from '../../core/catalogue.ts'
import { html, page } from './html.ts'

/** Where a problem's `type` leads. */
export function errorsPage() {
  const rows = Object.entries(catalogue).map(
    ([code, { status, title }]) => html`<dt id="${code}"><code>${code}</code> (${status})</dt><dd>${title}.</dd>`,
  )
  return page('Errors', html`<h1>Errors</h1><dl>${rows}</dl>`)
}
