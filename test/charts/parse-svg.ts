/** Returns the texts of an SVG. @throws if it is not well-formed XML */
export function parseSvg(svg: string): string[] {
  const open: string[] = []
  const texts: string[] = []
  const token = /<(\/?)([a-z]+)((?: [\w:-]+="[^"<&]*(?:&(?:amp|lt|gt|quot);[^"<&]*)*")*)(\/?)>|([^<]+)/gy
  let end = 0
  for (const [whole, closes, name, attributes, empty, text] of svg.matchAll(token)) {
    end += whole.length
    if (text !== undefined) {
      if (/&(?!(?:amp|lt|gt|quot);)/.test(text)) throw new Error(`not escaped: ${text}`)
      if (text.trim() !== '') texts.push(text)
    } else if (closes) {
      if (open.pop() !== name) throw new Error(`${name} is not open`)
    } else {
      const names = [...attributes.matchAll(/ ([\w:-]+)=/g)].map(([, key]) => key)
      if (new Set(names).size < names.length) throw new Error(`an attribute twice: ${whole}`)
      if (/NaN|undefined|Infinity/.test(attributes)) throw new Error(`not a number: ${whole}`)
      if (!empty) open.push(name)
    }
  }
  if (end < svg.length || open.length > 0) throw new Error(`not well-formed at ${svg.slice(end, end + 80)}`)
  return texts
}
