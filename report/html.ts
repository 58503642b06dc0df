/** A string of HTML, which is not escaped again. */
export type Html = { readonly html: string }

type Part = Html | string | number | readonly Html[]

/** Returns a template as HTML. Parts that are not HTML themselves are escaped. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { html: String.raw({ raw: strings }, ...parts.map(renderPart)) }
}

function renderPart(part: Part): string {
  if (typeof part === 'object') return 'html' in part ? part.html : part.map(renderPart).join('')
  return String(part).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
