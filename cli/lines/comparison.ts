import type { Comparison } from '../../platform/offline/compare.ts'
import { percentText, table } from '../output.ts'
import { grouped } from '../progress.ts'

/** Flipped reviews that a report shows; `--json` has more. */
const FLIPS = 10

/** The report of a comparison: the verdict first, then what it rests on. */
export function comparisonLines(comparison: Comparison): string[] {
  const { n, verdict } = comparison
  return [
    verdict,
    '',
    `${grouped(n)} reviews, answered by each:`,
    '',
    ...table([
      ['adapter', 'accuracy', '95 % interval', 'macro F1', 'ECE'],
      ...comparison.adapters.map(({ name, accuracy, interval, f1, ece }) => [
        name,
        percentText(accuracy),
        interval.map(percentText).join(' to '),
        f1.toFixed(4),
        ece.toFixed(4),
      ]),
    ]),
    '',
    ...pairLines(comparison),
    '',
    ...sliceLines(comparison),
    '',
    ...flipLines(comparison),
  ]
}

function pairLines({ pairs }: Comparison): string[] {
  return [
    ...table([
      ['second less first', 'points', '95 % interval', 'wins', 'losses', 'p', 'adjusted', 'shows from'],
      ...pairs.map(({ a, b, difference, interval, wins, losses, mcnemar_p, adjusted_p, smallest_detectable }) => [
        `${a}, ${b}`,
        points(difference),
        interval.map(points).join(' to '),
        grouped(wins),
        grouped(losses),
        pText(mcnemar_p),
        pText(adjusted_p),
        smallest_detectable === null ? '-' : (100 * smallest_detectable).toFixed(2),
      ]),
    ]),
    '',
    'wins: the second is right and the first wrong. p: exact McNemar; adjusted: by Holm over all pairs, different below 0.05.',
    'shows from: the least difference, in points, that four of five test sets like this one would show.',
  ]
}

function sliceLines({ slices, adapters }: Comparison): string[] {
  return [
    ...table([
      ['accuracy by', '', 'reviews', ...adapters.map(({ name }) => name)],
      ...slices.map(({ by, name, n, adapters: of }) => [
        by,
        `${name} `,
        grouped(n),
        ...of.map(({ accuracy }) => percentText(accuracy)),
      ]),
    ]),
    '',
    'Slices are to look at: nothing is tested there, and of many some differ by chance.',
  ]
}

function flipLines({ disagreements, flipped, adapters }: Comparison): string[] {
  if (disagreements === 0) return ['All reviews were answered alike.']
  const shown = flipped.slice(0, FLIPS)
  return [
    `${grouped(disagreements)} reviews were not answered alike; the surest contradictions:`,
    ...shown.flatMap(({ id, label, text, answers }) => [
      '',
      `review ${id}, ${label}: ${text}`,
      ...answers.map(
        (answer, i) =>
          `  ${adapters[i].name}: ${answer.label} ${answer.probability.toFixed(4)}${answer.right ? '' : ', wrong'}`,
      ),
    ]),
  ]
}

/** With its sign, in per cent of the reviews. */
const points = (share: number): string => `${share > 0 ? '+' : ''}${(100 * share).toFixed(2)}`

const pText = (p: number): string => (p < 0.0001 ? p.toExponential(1) : p.toFixed(4))
