import { useEffect, useRef } from 'hono/jsx/dom'
import type { Comparison } from '../../../client/client.ts'
import { renderComparison } from '../../../report/body.ts'
import { filterReviews } from '../../../report/filter-reviews.ts'
import type { Html } from '../../../report/html.ts'
import { REPORT_STYLE } from '../../../report/style.ts'

// The security policy of the pages allows no style in the document, but style sheets that scripts make.
const styleSheet = new CSSStyleSheet()
styleSheet.replaceSync(REPORT_STYLE)
document.adoptedStyleSheets.push(styleSheet)

interface TrustedTypes {
  createPolicy(name: string, rules: { createHTML(text: string): string }): { createHTML(text: string): string }
}

// The only markup that the pages insert. An Html comes from a template that escapes all texts.
const policy = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy('graft-report', {
  createHTML: (text) => text,
})
const trust = ({ html }: Html): string => policy?.createHTML(html) ?? html

/** The report of a comparison, the same as in the page that `graft compare --report` writes. */
export function ReportView({ comparison }: { comparison: NonNullable<Comparison['result']> }) {
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!place.current) return
    place.current.innerHTML = trust(renderComparison(comparison))
    filterReviews(place.current)
  }, [])
  return <div class="report" ref={place} />
}
