/**
 * Words on a scale from the worst to the best, each with others that replace it if it is not a single token of the
 * base.
 */
export const SENTIMENT_WORDS: readonly (readonly string[])[] = [
  ['worst', 'terrible', 'awful'],
  ['terrible', 'awful', 'horrible'],
  ['bad'],
  ['poor', 'weak'],
  ['mediocre', 'disappointing'],
  ['okay', 'fine', 'average', 'neutral'],
  ['decent', 'fair'],
  ['good'],
  ['great', 'nice'],
  ['excellent', 'perfect', 'best'],
]

/**
 * Returns the words for a position on the scale, the best first.
 * @param position 0 is the worst, 1 the best
 * @param defaults the words of the base for `negative` and `positive`, the ends of the scale
 */
export function wordsOfSentiment(position: number, defaults: ReadonlyMap<string, string>): readonly string[] {
  const words = SENTIMENT_WORDS[Math.round(position * (SENTIMENT_WORDS.length - 1))]
  const end = position === 0 ? 'negative' : position === 1 ? 'positive' : undefined
  return end === undefined ? words : [defaults.get(end) ?? end, ...words]
}

/**
 * Recognizes labels that form a scale of sentiment: names such as `neg` and `pos`, `false` and `true`, or numbers such
 * as 0 and 1, or 1 to 5 stars.
 * @returns the position of each label, from 0 (the worst) to 1 (the best), in this order; undefined if they form none
 */
export function findSentiments(labels: readonly string[]): Map<string, number> | undefined {
  const positions = positionsOfNames(labels) ?? positionsOfNumbers(labels)
  if (!positions || new Set(positions).size < labels.length) return undefined
  return new Map(labels.map((label, i) => [label, positions[i]] as const).sort(([, a], [, b]) => a - b))
}

/** How positive each name is. */
const NAMES = new Map([
  ['neg', -2],
  ['negative', -2],
  ['false', -2],
  ['neu', 0],
  ['neutral', 0],
  ['pos', 2],
  ['positive', 2],
  ['true', 2],
])

const DEGREES = [
  { words: ['very', 'strongly', 'extremely', 'highly'], factor: 1.5 },
  { words: ['somewhat', 'slightly', 'weakly', 'mildly', 'rather'], factor: 0.5 },
]

function positionsOfNames(labels: readonly string[]): number[] | undefined {
  const values = labels.map((label) => {
    const words = label.toLowerCase().split(/[\s_-]+/)
    const factor = DEGREES.find((degree) => degree.words.includes(words[0]))?.factor
    const value = NAMES.get(words.slice(factor === undefined ? 0 : 1).join(' '))
    return value === undefined ? Number.NaN : value * (factor ?? 1)
  })
  const largest = Math.max(...values)
  // The scale needs both of its ends, and its middle is neutral.
  return largest > 0 && Math.min(...values) === -largest ? values.map((value) => (value / largest + 1) / 2) : undefined
}

/** The scales that numbers usually form: two or three classes from 0 or 1, five classes or stars, ten points. */
const SCALES = ['0 1', '1 2', '-1 1', '0 2', '1 3', '0 4', '1 5', '-2 2', '1 10']

function positionsOfNumbers(labels: readonly string[]): number[] | undefined {
  const values = labels.map(numberOf)
  const [low, high] = [Math.min(...values), Math.max(...values)]
  if (!values.every(Number.isInteger) || !SCALES.includes(`${low} ${high}`)) return undefined
  // Beside 0 and 1, the label -1 usually means that a row has no label.
  if (low === -1 && values.includes(0)) return undefined
  return values.map((value) => (value - low) / (high - low))
}

/** Returns the number that a label consists of, such as `4`, `4.0`, `4 stars`, `LABEL_4` or ★★★★. */
function numberOf(label: string): number {
  const stars = /^([★⭐]+)☆*$/u.exec(label)
  if (stars) return [...stars[1]].length
  const number = /^(?:(?:label|class|rating|stars?|score)[\s_-]?)?([+-]?\d{1,2})(?:\.0+)?(?:[\s_-]?stars?)?$/i.exec(
    label,
  )
  return number ? Number(number[1]) : Number.NaN
}
