/** Matches line breaks of HTML, with the spaces that follow them. */
export const HTML_BREAKS = /(?:<\/?br\s*\/?>\s*)+/gi

/** Returns a text with spaces for HTML's line breaks, which reviews copied from web pages have. */
export const withoutHtmlBreaks = (text: string): string => (text.includes('<') ? text.replace(HTML_BREAKS, ' ') : text)
