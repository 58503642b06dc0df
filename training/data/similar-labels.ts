/**
 * Labels that look like one label in several spellings. The most frequent one comes first, and of equals that in lower
 * case.
 */
export interface SimilarLabels {
  labels: string[]
  /** `case`: they differ only in case, spaces or punctuation. `typo`: in one letter. */
  differ: 'case' | 'typo'
}

/** The smallest number of letters of a word that may be a misspelling of another one. Shorter words are often alike. */
const MIN_TYPO_LETTERS = 5

/** Longer labels are not compared by their letters, so that a thousand labels take little time. */
const MAX_TYPO_CHARACTERS = 50

/**
 * Finds labels that look like one label in several spellings.
 * @param counts the number of examples of each label
 */
export function findSimilarLabels(counts: ReadonlyMap<string, number>): SimilarLabels[] {
  const capitals = (label: string) => label.match(/\p{Lu}/gu)?.length ?? 0
  const byCount = [...counts.keys()].sort(
    (a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0) || capitals(a) - capitals(b) || (a < b ? -1 : 1),
  )
  const spellings = Map.groupBy(byCount, toPlainSpelling)
  const groups: SimilarLabels[] = [...spellings.values()]
    .filter(({ length }) => length > 1)
    .map((labels) => ({ labels, differ: 'case' }))
  return [...groups, ...findTypos([...spellings].map(([plain, [label]]) => ({ plain, label })))]
}

/** Returns a label in lower case, with one space between its words, and without punctuation around them. */
const toPlainSpelling = (label: string): string =>
  label
    .normalize('NFKC')
    .toLowerCase()
    .replace(/(?<=\p{L})[\s_.-]+(?=\p{L})/gu, ' ')
    .replace(/^["'“”‘’]+(?=\p{L})|(?<=\p{L})["'“”‘’.,;:!]+$/gu, '')

interface Spelling {
  plain: string
  label: string
}

/**
 * Finds pairs of labels of which one is the other with one letter missing, added or changed, or with two letters
 * swapped. Such labels share a spelling that lacks one letter, so not every pair has to be compared.
 */
function findTypos(spellings: readonly Spelling[]): SimilarLabels[] {
  const byShorter = new Map<string, Spelling[]>()
  const found: SimilarLabels[] = []
  for (const spelling of spellings) {
    if (spelling.plain.length > MAX_TYPO_CHARACTERS) continue
    const variants = shortenings(spelling.plain)
    const similar = new Set(variants.flatMap((variant) => byShorter.get(variant) ?? []))
    const original = [...similar].find(({ plain }) => isTypo(plain, spelling.plain))
    if (original) found.push({ labels: [original.label, spelling.label], differ: 'typo' })
    for (const variant of variants) {
      const same = byShorter.get(variant)
      if (same) same.push(spelling)
      else byShorter.set(variant, [spelling])
    }
  }
  return found
}

/** Returns a text, and every text that lacks one of its letters. */
const shortenings = (text: string): string[] => [
  ...new Set([text, ...Array.from(text, (_, i) => text.slice(0, i) + text.slice(i + 1))]),
]

/** Returns whether two labels differ in one word, and that word in one letter. */
function isTypo(a: string, b: string): boolean {
  const [wordsA, wordsB] = [a.split(' '), b.split(' ')]
  if (wordsA.length !== wordsB.length) return false
  const different = wordsA.flatMap((word, i) => (word === wordsB[i] ? [] : [[word, wordsB[i]]]))
  return different.length === 1 && differInOneLetter(different[0][0], different[0][1])
}

function differInOneLetter(first: string, second: string): boolean {
  const [short, long] = first.length < second.length ? [first, second] : [second, first]
  if (short.length < MIN_TYPO_LETTERS || !/^\p{L}+$/u.test(first + second)) return false
  let start = 0
  while (start < short.length && short[start] === long[start]) start++
  // "Typical" and "atypical" are opposites.
  if (start === 0 && long === `a${short}`) return false
  const [restShort, restLong] = [short.slice(start), long.slice(start)]
  if (short.length < long.length) return restLong.slice(1) === restShort
  return (
    restLong.slice(1) === restShort.slice(1) ||
    (restLong[0] === restShort[1] && restLong[1] === restShort[0] && restLong.slice(2) === restShort.slice(2))
  )
}
