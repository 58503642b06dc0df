import type { ChosenWords } from '../../model/choose-label-words.ts'
import { type Finding, formatNumber, listPhrases, quote } from '../findings.ts'

/** Explains the words that were chosen for labels that have none of their own. */
export function inspectLabelWords({ words, sentiments, others }: ChosenWords): Finding[] {
  const wordOf = new Map(Object.entries(words))
  const pairs = (labels: readonly string[]) =>
    listPhrases(labels.map((label) => `${quote(label)} by ${quote(wordOf.get(label) ?? label)}`))
  const setWords = (labels: readonly string[]) =>
    `To score them by other words, set label_words, such as ${labels[0].includes(',') || labels[0].includes('=') ? 'in a configuration file' : `${labels[0]}=WORD`}.`
  const findings: Finding[] = []
  if (sentiments.length > 0)
    findings.push({
      code: 'sentiment_words',
      level: 'note',
      message: `The labels are taken for sentiments, from the worst to the best: ${pairs(sentiments)}. The base already knows these words; if the labels mean something else, they can be learned nevertheless.`,
      count: sentiments.length,
      fix: setWords(sentiments),
    })
  if (others.length > 0)
    findings.push({
      code: 'other_words',
      level: 'note',
      message: `${formatNumber(others.length, 'label')} ${others.length === 1 ? 'is not a single token' : 'are not single tokens'} of the base, so other words score ${others.length === 1 ? 'it' : 'them'}: ${pairs(others)}.`,
      count: others.length,
      fix: setWords(others),
    })
  return findings
}
