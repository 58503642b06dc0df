/** A sparse matrix in compressed rows: row i has the entries from `starts[i]` to `starts[i + 1]`. */
export interface SparseRows {
  starts: Int32Array
  columns: Int32Array
  values: Float32Array
}

/** The features of a set of texts: their words and pairs of neighbouring words. */
export interface Features {
  /** The number of features. */
  size: number
  /** Returns the weighted features of texts, a row of length 1 for each. Unknown words and pairs are left out. */
  weigh(texts: readonly string[]): SparseRows
}

/** Matches the words of two characters or more. Shorter ones say little, and scikit-learn leaves them out as well. */
const WORD = /[\p{L}\p{N}_]{2,}/gu

/** A feature that fewer texts have is left out: the model could only learn that text by heart. */
const MIN_TEXTS = 2

/**
 * Finds the features of texts. A feature's weight in a text is (1 + ln count) · (1 + ln((1 + texts) / (1 + texts that
 * have it))), and the row of a text has the Euclidean length 1: scikit-learn's TfidfVectorizer with sublinear_tf.
 */
export function findFeatures(texts: readonly string[]): Features {
  const words = new Map<string, number>()
  const learn = (word: string): number => {
    const known = words.get(word)
    if (known !== undefined) return known
    words.set(word, words.size)
    return words.size - 1
  }
  const sequences = texts.map((text) => wordsOf(text).map(learn))
  const textCounts = new Map<number, number>()
  for (const sequence of sequences)
    for (const key of new Set(keysOf(sequence))) textCounts.set(key, (textCounts.get(key) ?? 0) + 1)
  const frequent = [...textCounts].filter(([, count]) => count >= MIN_TEXTS)
  const columns = new Map(frequent.map(([key], column) => [key, column]))
  const rarity = frequent.map(([, count]) => 1 + Math.log((1 + texts.length) / (1 + count)))
  return {
    size: columns.size,
    weigh: (others) =>
      toRows(
        others.map((text) =>
          weigh(
            wordsOf(text).map((word) => words.get(word) ?? UNKNOWN),
            columns,
            rarity,
          ),
        ),
      ),
  }
}

/** The number of a word that the texts do not have. No pair with it has a column. */
const UNKNOWN = -1

const wordsOf = (text: string): string[] => text.toLowerCase().match(WORD) ?? []

/** Larger than the number of words in any vocabulary, so that a pair has its own number. */
const PAIR_BASE = 2 ** 26

/** Yields a number for each word and for each pair of neighbours. */
function* keysOf(sequence: readonly number[]): Generator<number> {
  for (const [i, word] of sequence.entries()) {
    yield word
    if (i > 0) yield (sequence[i - 1] + 1) * PAIR_BASE + word
  }
}

/** Returns the columns and weights of a text, in ascending order of the columns. */
function weigh(
  sequence: readonly number[],
  columns: ReadonlyMap<number, number>,
  rarity: readonly number[],
): [column: number, weight: number][] {
  const counts = new Map<number, number>()
  for (const key of keysOf(sequence)) {
    const column = columns.get(key)
    if (column !== undefined) counts.set(column, (counts.get(column) ?? 0) + 1)
  }
  const weights = [...counts].map(([column, count]): [number, number] => [
    column,
    (1 + Math.log(count)) * rarity[column],
  ])
  weights.sort(([a], [b]) => a - b)
  const length = Math.sqrt(weights.reduce((sum, [, weight]) => sum + weight ** 2, 0))
  return weights.map(([column, weight]) => [column, weight / length])
}

function toRows(rows: readonly (readonly [number, number][])[]): SparseRows {
  const starts = new Int32Array(rows.length + 1)
  for (const [i, row] of rows.entries()) starts[i + 1] = starts[i] + row.length
  const columns = new Int32Array(starts[rows.length])
  const values = new Float32Array(starts[rows.length])
  let at = 0
  for (const row of rows)
    for (const [column, value] of row) {
      columns[at] = column
      values[at++] = value
    }
  return { starts, columns, values }
}
