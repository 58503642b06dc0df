/** Matches line breaks of HTML, with the spaces that follow them. */
export const HTML_BREAKS = /(?:<\/?br\s*\/?>\s*)+/gi

/**
 * Returns the offset in a text of each character of {@link withoutHtmlBreaks} of it, in UTF-16 code units. Undefined if
 * both are the same.
 */
export function offsetsWithBreaks(text: string): Uint32Array | undefined {
  if (!text.includes('<')) return undefined
  const offsets = new Uint32Array(text.length)
  let [from, to] = [0, 0]
  const copyUntil = (end: number) => {
    while (from < end) offsets[to++] = from++
  }
  for (const { index, 0: breaks } of text.matchAll(HTML_BREAKS)) {
    copyUntil(index)
    offsets[to++] = from
    from += breaks.length
  }
  copyUntil(text.length)
  return offsets.subarray(0, to)
}

/** Returns a text with spaces for HTML's line breaks, which reviews copied from web pages have. */
export const withoutHtmlBreaks = (text: string): string => (text.includes('<') ? text.replace(HTML_BREAKS, ' ') : text)
