import { catalogue } from '../../core/catalogue.ts'
import { type Html, html } from '../../report/html.ts'
import { renderPage } from './html.ts'

/** Returns the page of all error codes. The `type` of a problem links to its entry. */
export function renderErrorsPage(): Html {
  const entries = Object.entries(catalogue).map(
    ([code, { status, title }]) => html`<dt id="${code}"><code>${code}</code> (${status})</dt><dd>${title}.</dd>`,
  )
  return renderPage('Errors', html`<h1>Errors</h1><dl>${entries}</dl>`)
}
