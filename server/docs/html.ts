import { createHash } from 'node:crypto'
import { type Html, html } from '../../report/html.ts'

const STYLE = `:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem 1.5rem 4rem}
h1,h2,h3{line-height:1.2}
h2{margin-top:3rem;border-bottom:1px solid}
h3{margin-top:2.5rem}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}
pre{overflow-x:auto;padding:.75rem;border:1px solid;border-radius:.4rem}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #8884}
details{margin:.5rem 0}
dt{margin-top:1rem}`

/**
 * Returns a complete page. It loads nothing and runs nothing; its content security policy allows only its own style.
 */
export const renderPage = (title: string, body: Html): Html =>
  html`<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${{ html: STYLE }}</style><body>${body}</body></html>`

const CONTENT_SECURITY_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`

export const toHtmlResponse = (page: Html): Response =>
  new Response(page.html, {
    headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': CONTENT_SECURITY_POLICY },
  })
