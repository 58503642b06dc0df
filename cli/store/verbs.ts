import { fail } from '../../core/errors.ts'

/** What a command does, by the word that follows it. */
export type Verbs = Readonly<Record<string, (words: readonly string[]) => Promise<void>>>

/**
 * Does what the first word says, with the words after it.
 * @param otherwise the verb where there is no word
 * @throws GraftError `usage`
 */
export async function doVerb(verbs: Verbs, [word, ...rest]: readonly string[], otherwise: string): Promise<void> {
  const verb = word ?? otherwise
  if (Object.hasOwn(verbs, verb)) return verbs[verb](rest)
  fail('usage', {
    subject: verb,
    expected: `one of ${Object.keys(verbs).join(', ')}`,
    found: 'no such word',
    fix: 'Add --help to see what there is.',
  })
}

/** The one word that a verb takes. @throws GraftError `usage` where there is none, or more */
export const oneWord = (words: readonly string[], what: string): string => exactly(1, words, what)[0]

/** The two that it takes. @throws GraftError `usage` */
export const twoWords = (words: readonly string[], what: string): readonly string[] => exactly(2, words, what)

function exactly(count: number, words: readonly string[], what: string): readonly string[] {
  if (words.length === count) return words
  return fail('usage', {
    subject: what,
    expected: ['one', 'two'][count - 1],
    found: words.length === 0 ? 'none' : words.join(' '),
    fix: `Write ${what} after the word, and nothing else.`,
  })
}
