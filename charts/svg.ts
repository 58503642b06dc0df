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

/** More than the mean width of a character of a chart's text, in pixels. */
export const CHARACTER_WIDTH = 7

/** Returns a text, or its beginning and an ellipsis if it is too wide. */
export function fitText(text: string, width: number): string {
  const characters = [...text]
  const limit = Math.max(1, Math.floor(width / CHARACTER_WIDTH))
  return characters.length <= limit ? text : `${characters.slice(0, limit - 1).join('')}…`
}

/** Returns names with commas between them. If they are too wide together, the long ones are cut. */
export function fitNames(names: readonly string[], width: number): string {
  const joined = names.join(', ')
  const limit = Math.floor(width / CHARACTER_WIDTH) - 2 * (names.length - 1)
  if (joined.length <= width / CHARACTER_WIDTH) return joined
  const share = limit / names.length
  const spare = names.reduce((sum, { length }) => sum + Math.max(0, share - length), 0)
  const long = names.filter(({ length }) => length > share).length
  return names.map((name) => fitText(name, CHARACTER_WIDTH * (share + spare / long))).join(', ')
}

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

const rulesOf = (color: (pair: readonly [light: string, dark: string]) => string): string =>
  [
    `.chart .page{fill:${color(['#ffffff', '#0d1117'])}}`,
    `.chart .ink{color:${color(['#24292f', '#e6edf3'])}}`,
    `.chart .soft{color:${color(['#57606a', '#9ea7b3'])}}`,
    `.chart .grid{color:${color(['#d8dee4', '#30363d'])}}`,
    ...COLORS.map((pair, i) => `.chart .c${i}{color:${color(pair)}}`),
  ].join('')

const TEXT_RULE = '.chart text{fill:currentColor;font-family:system-ui,sans-serif;font-size:12px}'

/** The style of charts inside a page. They are light or dark as the `color-scheme` of the page says. */
export const CHART_STYLE: string = TEXT_RULE + rulesOf(([light, dark]) => `light-dark(${light},${dark})`)

/** A chart, which can become a document or a part of a page. Lengths are in pixels. */
export interface Drawing {
  width: number
  height: number
  /** The text that a screen reader says first. */
  title: string
  /** A sentence on the values of the chart, for screen readers. Defaults to nothing. */
  description?: string
  content: readonly Svg[]
}

/**
 * Returns an SVG document with its own background, which is dark if the reader prefers dark colors. Elements take their
 * color from the classes `ink`, `soft`, `grid` and {@link seriesStyle} through `currentColor`.
 */
export function toSvgDocument(drawing: Drawing): string {
  const { width, height } = drawing
  const style = `${TEXT_RULE}${rulesOf(([light]) => light)}@media (prefers-color-scheme:dark){${rulesOf(([, dark]) => dark)}}`
  const background = element('rect', { class: 'page', width, height })
  return `${toRoot(drawing, element('style', {}, style), background)}\n`
}

/** Returns an SVG element for a page that has {@link CHART_STYLE}. It has no background and no style of its own. */
export const toSvgElement = (drawing: Drawing): Svg => toRoot(drawing)

function toRoot({ width, height, title, description, content }: Drawing, ...first: readonly Svg[]): Svg {
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      width,
      height,
      viewBox: `0 0 ${formatNumber(width)} ${formatNumber(height)}`,
      role: 'img',
      class: 'chart',
    },
    element('title', {}, escapeXml(title)),
    ...(description === undefined ? [] : [element('desc', {}, escapeXml(description))]),
    ...first,
    ...content,
  )
}
