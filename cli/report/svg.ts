type Attributes = Readonly<Record<string, string | number | undefined>>

/** An SVG element as text. */
export type Svg = string

/** Returns an element. Attributes that are undefined are left out. Children are elements or escaped text. */
export function element(name: string, attributes: Attributes, ...children: readonly Svg[]): Svg {
  const pairs = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escapeXml(typeof value === 'number' ? formatNumber(value) : String(value))}"`)
  const start = `<${name}${pairs.join('')}`
  return children.length === 0 ? `${start}/>` : `${start}>${children.join('')}</${name}>`
}

/** Returns a line of text at a point. */
export const textAt = (x: number, y: number, content: string, attributes: Attributes = {}): Svg =>
  element('text', { x, y, ...attributes }, escapeXml(content))

/**
 * Returns the text without characters that XML gives a meaning to, or does not allow.
 * @see https://www.w3.org/TR/xml/#charsets
 */
export const escapeXml = (text: string): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that XML does not allow
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')

/** Returns a coordinate with at most two decimals. */
const formatNumber = (value: number): string => String(Math.round(100 * value) / 100)

/** Pairs of colors of equal meaning, for a light and a dark background. */
const COLORS: readonly (readonly [light: string, dark: string])[] = [
  ['#1f6feb', '#79b8ff'],
  ['#c2500a', '#ffab70'],
  ['#1a7f37', '#7ee787'],
  ['#a31fb4', '#e6a8f7'],
  ['#cf222e', '#ff8e8a'],
  ['#0b7f7f', '#5ce1e1'],
  ['#856a00', '#e3c04b'],
  ['#6639ba', '#b69cff'],
  ['#b03079', '#ff9bd2'],
  ['#57606a', '#b1bac4'],
]

/** Returns the class and the dashes of the line of a series. Colors repeat after ten series, with other dashes. */
export function seriesStyle(index: number): Attributes {
  const round = Math.floor(index / COLORS.length)
  return { class: `c${index % COLORS.length}`, 'stroke-dasharray': round === 0 ? undefined : `${2 + 4 * round} 3` }
}

const themeRules = (index: 0 | 1): string =>
  [
    `.page{fill:${index === 0 ? '#ffffff' : '#0d1117'}}`,
    `.ink{color:${index === 0 ? '#24292f' : '#e6edf3'}}`,
    `.grid{color:${index === 0 ? '#d8dee4' : '#30363d'}}`,
    ...COLORS.map((pair, i) => `.c${i}{color:${pair[index]}}`),
  ].join('')

/**
 * Returns an SVG document with its own background, which is dark if the reader prefers dark colors. Elements take their
 * color from the classes `ink`, `grid` and {@link seriesStyle} through `currentColor`.
 */
export function svgDocument(
  size: { width: number; height: number },
  title: string,
  ...children: readonly Svg[]
): string {
  const { width, height } = size
  const style = `text{fill:currentColor;font-family:system-ui,sans-serif;font-size:12px}${themeRules(0)}@media (prefers-color-scheme:dark){${themeRules(1)}}`
  const root = element(
    'svg',
    { xmlns: 'http://www.w3.org/2000/svg', width, height, viewBox: `0 0 ${width} ${height}`, role: 'img' },
    element('title', {}, escapeXml(title)),
    element('style', {}, style),
    element('rect', { class: 'page', width, height }),
    ...children,
  )
  return `${root}\n`
}
