import { formatCount } from '../../core/format-count.ts'
import { type Finding, formatNumber, formatShare, listPhrases, quote } from '../findings.ts'
import { findSimilarLabels } from './similar-labels.ts'

/** The facts about a data set that its findings follow from. Those that need its texts or a base are optional. */
export interface DatasetFacts {
  rows: number
  /** The number of examples of each label. */
  labels: ReadonlyMap<string, number>
  /** Examples whose text repeats an earlier one. */
  duplicates: number
  /** Examples whose text is also that of an example with another label. */
  contradictory?: number
  /** Texts of the test data that are also in the training data. */
  leaked?: { count: number; rows: number }
  texts?: TextFacts
}

/** How well the base knows a sample of the texts. */
export interface TextFacts {
  rows: number
  /** Texts of which the base knows less than half. */
  mostlyUnknown: number
  /** The share of tokens that are the base's token for unknown characters. */
  unknownShare: number
  /** The mean number of tokens of a word in Latin letters. Not set if there are too few words. */
  tokensPerWord?: number
}

/** Returns everything about a data set that its user should know before a training, the most serious first. */
export function inspectDataset(facts: DatasetFacts): Finding[] {
  const findings = rules.flatMap((rule) => rule(facts) ?? [])
  return [...findings.filter(({ level }) => level === 'warning'), ...findings.filter(({ level }) => level === 'note')]
}

const rules: readonly ((facts: DatasetFacts) => Finding | undefined)[] = [
  findUnknownTexts,
  findSplitWords,
  findAlikeLabels,
  findHeaderLabels,
  findContradictions,
  findLeakedTexts,
  findSmallClasses,
  findImbalance,
  findDuplicates,
]

/** From this share on, unknown tokens are reported. Emoji and rare names have less. */
const MIN_UNKNOWN_SHARE = 0.1
const MIN_UNKNOWN_TEXTS_SHARE = 0.02
const SEVERE_UNKNOWN_SHARE = 0.3

const FOREIGN_FIX = 'Use a base that knows the language of the reviews, or translate them.'

function findUnknownTexts({ texts }: DatasetFacts): Finding | undefined {
  if (!texts) return undefined
  const { rows, mostlyUnknown, unknownShare } = texts
  const textShare = mostlyUnknown / rows
  if (unknownShare < MIN_UNKNOWN_SHARE && textShare < MIN_UNKNOWN_TEXTS_SHARE) return undefined
  const share = `${formatShare(unknownShare)} of its tokens`
  return {
    code: 'unknown_tokens',
    level: Math.max(unknownShare, textShare) >= SEVERE_UNKNOWN_SHARE ? 'warning' : 'note',
    message:
      textShare >= 0.5
        ? `Most of this text is unknown to the base: ${share}. It may be in a language that the base has not seen.`
        : `A part of this text is unknown to the base: ${share}. ${formatCount(mostlyUnknown)} of ${formatNumber(rows, 'review')} are mostly unknown.`,
    count: mostlyUnknown,
    share: unknownShare,
    fix: FOREIGN_FIX,
  }
}

/** English reviews have about 1.3 tokens per word, German and Turkish ones about 2.5 on a base that knows English. */
const MAX_TOKENS_PER_WORD = 1.9

function findSplitWords({ texts }: DatasetFacts): Finding | undefined {
  if (texts?.tokensPerWord === undefined || texts.tokensPerWord < MAX_TOKENS_PER_WORD) return undefined
  return {
    code: 'split_words',
    level: 'warning',
    message: `The base splits the words of this text into ${texts.tokensPerWord.toFixed(1)} tokens each on average, because it has rarely seen them. It may be in a language that the base hardly knows.`,
    count: texts.rows,
    fix: FOREIGN_FIX,
  }
}

const MAX_GROUPS = 4

function findAlikeLabels({ labels }: DatasetFacts): Finding | undefined {
  const groups = findSimilarLabels(labels)
  if (groups.length === 0) return undefined
  const alike = [...new Set(groups.flatMap((group) => group.labels))]
  const rows = sum(alike.map((label) => labels.get(label) ?? 0))
  const describe = ({ labels, differ }: (typeof groups)[number]) =>
    `${listPhrases(labels.map(quote))} differ only in ${differ === 'case' ? 'case or punctuation' : 'one letter'}`
  return {
    code: 'labels_alike',
    level: 'warning',
    message: `The labels ${groups.slice(0, MAX_GROUPS).map(describe).join('; ')}${groups.length > MAX_GROUPS ? `; and ${groups.length - MAX_GROUPS} more` : ''}. A training would learn them as different labels.`,
    count: alike.length,
    share: rows / sum(labels.values()),
    fix: `If they mean the same, write each in one spelling, such as ${quote(groups[0].labels[0])}.`,
  }
}

/** The names that columns of labels usually have. */
const HEADERS = new Set(
  'label labels sentiment polarity target class category categories rating ratings stars score airline_sentiment completion'.split(
    ' ',
  ),
)

function findHeaderLabels({ labels }: DatasetFacts): Finding | undefined {
  const headers = [...labels.keys()].filter((label) => HEADERS.has(label.toLowerCase()))
  if (headers.length === 0) return undefined
  const count = sum(headers.map((label) => labels.get(label) ?? 0))
  return {
    code: 'label_is_header',
    level: 'warning',
    message: `${formatNumber(count, 'review')} ${count === 1 ? 'has' : 'have'} the label ${listPhrases(headers.map(quote))}, which is the usual name of a column. A header may be among the rows.`,
    count,
    share: count / sum(labels.values()),
    fix: 'Remove the rows that repeat the header.',
  }
}

function findContradictions({ contradictory = 0, rows }: DatasetFacts): Finding | undefined {
  if (contradictory === 0) return undefined
  return {
    code: 'contradictory_labels',
    level: 'warning',
    message: `${formatNumber(contradictory, 'review')} ${contradictory === 1 ? 'repeats' : 'repeat'} an earlier text with another label.`,
    count: contradictory,
    share: contradictory / rows,
    fix: 'Decide on one label for each text.',
  }
}

function findLeakedTexts({ leaked }: DatasetFacts): Finding | undefined {
  if (!leaked || leaked.count === 0) return undefined
  return {
    code: 'leaked_texts',
    level: 'warning',
    message: `${formatNumber(leaked.count, 'review')} of the test data ${leaked.count === 1 ? 'is' : 'are'} also in the training data, so the accuracy will look too good.`,
    count: leaked.count,
    share: leaked.count / leaked.rows,
    fix: 'Remove them from one of the two.',
  }
}

/** A label with fewer examples cannot be learned or measured. */
const MIN_ROWS_PER_LABEL = 5

function findSmallClasses({ labels }: DatasetFacts): Finding | undefined {
  const small = [...labels].filter(([, count]) => count < MIN_ROWS_PER_LABEL).sort(([, a], [, b]) => a - b)
  if (small.length === 0) return undefined
  const rows = sum(small.map(([, count]) => count))
  return {
    code: 'few_rows',
    level: 'warning',
    message: `${formatNumber(small.length, 'label')} ${small.length === 1 ? 'has' : 'have'} fewer than ${MIN_ROWS_PER_LABEL} reviews: ${listPhrases(small.map(([label, count]) => `${quote(label)} has ${count}`))}.`,
    count: small.length,
    share: rows / sum(labels.values()),
    fix: 'Add reviews with these labels, a few dozen of each, or use fewer labels.',
  }
}

const HEAVY_RATIO = 10
const HEAVY_SHARE = 0.9

function findImbalance({ labels }: DatasetFacts): Finding | undefined {
  if (labels.size < 2) return undefined
  const byCount = [...labels].sort(([, a], [, b]) => b - a)
  const [[largest, most], [smallest, fewest]] = [byCount[0], byCount[byCount.length - 1]]
  const share = most / sum(labels.values())
  if (most < HEAVY_RATIO * fewest && share < HEAVY_SHARE) return undefined
  return {
    code: 'imbalance',
    level: 'warning',
    message: `The labels are far from equally frequent: ${quote(largest)} has ${formatNumber(most, 'review')}, ${quote(smallest)} has ${fewest}. An adapter that always answers ${quote(largest)} would be right for ${formatShare(share)} of them.`,
    count: most,
    share,
    fix: 'Add reviews with the rarer labels, and judge the adapter by its F1 rather than by its accuracy.',
  }
}

const MANY_DUPLICATES_SHARE = 0.1

function findDuplicates({ duplicates, rows }: DatasetFacts): Finding | undefined {
  if (duplicates === 0) return undefined
  const share = duplicates / rows
  return {
    code: 'duplicate_texts',
    level: share >= MANY_DUPLICATES_SHARE ? 'warning' : 'note',
    message: `${formatNumber(duplicates, 'review')} ${duplicates === 1 ? 'repeats' : 'repeat'} an earlier text (${formatShare(share)}).`,
    count: duplicates,
    share,
    fix: 'Remove the repeated rows, unless they are meant to count more than once.',
  }
}

const sum = (values: Iterable<number>): number => {
  let total = 0
  for (const value of values) total += value
  return total
}
