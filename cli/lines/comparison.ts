import { formatCount } from '../../core/format-count.ts'
import { formatP, formatPoints, formatPointsInterval, formatScore } from '../../report/format.ts'
import type { Comparison } from '../../training/comparison/comparison.ts'
import { formatPercent, formatTable } from '../output.ts'

/** The maximum number of flipped reviews in a report. `--json` has more. */
const MAX_FLIPPED = 10

/** Formats the report of a comparison: the verdict first, then its evidence. */
export function formatComparison(comparison: Comparison): string[] {
  const { n, verdict } = comparison
  return [
    verdict,
    '',
    `${formatCount(n)} reviews, classified by each adapter:`,
    '',
    ...formatTable([
      ['adapter', 'accuracy', '95 % interval', 'macro F1', 'ECE'],
      ...comparison.adapters.map(({ name, accuracy, interval, f1, ece }) => [
        name,
        formatPercent(accuracy),
        interval.map(formatPercent).join(' to '),
        formatScore(f1),
        formatScore(ece),
      ]),
    ]),
    ...comparison.adapters.flatMap(({ name, revision }) => (revision ? [`${name}: commit ${revision}`] : [])),
    '',
    ...formatPairs(comparison),
    '',
    ...formatSlices(comparison),
    '',
    ...formatFlipped(comparison),
  ]
}

function formatPairs({ pairs }: Comparison): string[] {
  return [
    ...formatTable([
      ['second minus first', 'points', '95 % interval', 'wins', 'losses', 'p', 'adjusted p', 'detectable'],
      ...pairs.map(({ a, b, difference, interval, wins, losses, mcnemar_p, adjusted_p, smallest_detectable }) => [
        `${a}, ${b}`,
        formatPoints(difference),
        formatPointsInterval(interval),
        formatCount(wins),
        formatCount(losses),
        formatP(mcnemar_p),
        formatP(adjusted_p),
        smallest_detectable === null ? '-' : (100 * smallest_detectable).toFixed(2),
      ]),
    ]),
    '',
    'wins: the second is right and the first is wrong. p: exact McNemar test. adjusted p: by Holm over all pairs.',
    'The adapters of a pair differ if adjusted p is below 0.05.',
    'detectable: the smallest difference, in points, that four of five test sets of this size would detect.',
  ]
}

function formatSlices({ slices, adapters }: Comparison): string[] {
  return [
    ...formatTable([
      ['accuracy by', '', 'reviews', ...adapters.map(({ name }) => name)],
      ...slices.map(({ by, name, n, adapters: results }) => [
        by,
        `${name} `,
        formatCount(n),
        ...results.map(({ accuracy }) => formatPercent(accuracy)),
      ]),
    ]),
    '',
    'Slices are not tested. Among many slices, some differ by chance.',
  ]
}

function formatFlipped({ disagreements, flipped, adapters }: Comparison): string[] {
  if (disagreements === 0) return ['All adapters agree on all reviews.']
  const shown = flipped.slice(0, MAX_FLIPPED)
  return [
    `${formatCount(disagreements)} reviews got different answers. The most confident contradictions:`,
    ...shown.flatMap(({ id, label, text, answers }) => [
      '',
      `review ${id}, ${label}: ${text}`,
      ...answers.map(
        (answer, i) =>
          `  ${adapters[i].name}: ${answer.label} ${formatScore(answer.probability)}${answer.right ? '' : ', wrong'}`,
      ),
    ]),
  ]
}
