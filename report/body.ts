import { formatCount } from '../core/format-count.ts'
import type { Comparison } from '../training/comparison/comparison.ts'
import {
  drawAccuracies,
  drawCalibration,
  drawDifferences,
  drawPairs,
  drawParameters,
  drawSlices,
} from './comparison-charts.ts'
import { details, figure, table } from './figure.ts'
import { formatAccuracy, formatInterval, formatP, formatPoints, formatPointsInterval, formatScore } from './format.ts'
import { type Html, html } from './html.ts'
import { renderReviews } from './reviews.ts'
import { renderVerdict } from './verdict.ts'

/** Returns the title of the report of a comparison. */
export function titleOf({ adapters, n }: Comparison): string {
  const names = adapters.map(({ name }) => name)
  const compared =
    names.length > MAX_NAMES ? `${names.length} classifiers` : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
  return `Comparison of ${compared} on ${n === 1 ? '1 review' : `${formatCount(n)} reviews`}`
}

/** A title with more names would be too long. */
const MAX_NAMES = 3

/**
 * Returns the report of a comparison without its title and the page around it: the verdict, the charts with their
 * tables, and the reviews on which the adapters disagree.
 */
export function renderComparison(comparison: Comparison): Html {
  const { slices, adapters } = comparison
  const hasCounts = adapters.some(({ trainable }) => trainable !== undefined)
  return html`${renderVerdict(comparison)}
<section><h2>Accuracy</h2>${figure(drawAccuracies, comparison)}${tabulateAdapters(comparison)}</section>
<section><h2>Pairs</h2><p>Adapters are compared by the reviews that only one of them classifies correctly, not by whether their intervals overlap. One is better if adjusted p is below 0.05.</p>${figure(drawDifferences, comparison)}${figure(drawPairs, comparison)}${tabulatePairs(comparison)}<p class="note">Wins: the second is right and the first is wrong. p: exact McNemar test. Adjusted p: by Holm over all pairs. Detectable: the smallest difference, in points, that four of five test sets of this size would detect.</p></section>
<section><h2>Calibration</h2><p>Of the reviews with a probability of 0.8, a calibrated adapter is right on 80 %. Points below the dashed line are too sure, and points above it are not sure enough. The bars show how many reviews each range of probabilities has.</p>${figure(drawCalibration, comparison)}${details('Calibration as a table', html`${adapters.map(tabulateBins)}`)}</section>
${slices.length > 0 ? html`<section><h2>Slices</h2><p>Slices are not tested. Among many slices, some differ by chance.</p>${figure(drawSlices, comparison)}${details('Slices as a table', tabulateSlices(comparison))}</section>` : html``}
${hasCounts ? html`<section><h2>Accuracy against trained parameters</h2>${figure(drawParameters, comparison)}${details('Parameters as a table', tabulateParameters(comparison))}</section>` : html``}
<section><h2>Reviews with different answers</h2>${renderReviews(comparison)}</section>`
}

const toAccuracyCell = (share: number) => ({ value: share, text: `${formatAccuracy(share)} %` })

function tabulateAdapters({ adapters }: Comparison): Html {
  return table(
    'Accuracy of each adapter',
    ['adapter', 'accuracy', '95 % interval, per cent', 'macro F1', 'ECE'],
    adapters.map(({ name, accuracy, interval, f1, ece }) => [
      name,
      toAccuracyCell(accuracy),
      formatInterval(interval),
      { value: f1, text: formatScore(f1) },
      { value: ece, text: formatScore(ece) },
    ]),
  )
}

function tabulatePairs({ pairs }: Comparison): Html {
  return table(
    'Difference of each pair',
    ['second minus first', 'better', 'points', '95 % interval', 'wins', 'losses', 'p', 'adjusted p', 'detectable'],
    pairs.map((pair) => [
      `${pair.a}, ${pair.b}`,
      pair.better ?? 'cannot tell',
      { value: pair.difference, text: formatPoints(pair.difference) },
      formatPointsInterval(pair.interval),
      { value: pair.wins, text: formatCount(pair.wins) },
      { value: pair.losses, text: formatCount(pair.losses) },
      { value: pair.mcnemar_p, text: formatP(pair.mcnemar_p) },
      { value: pair.adjusted_p, text: formatP(pair.adjusted_p) },
      pair.smallest_detectable === null
        ? 'none'
        : { value: pair.smallest_detectable, text: formatAccuracy(pair.smallest_detectable) },
    ]),
  )
}

function tabulateBins({ name, bins }: Comparison['adapters'][number]): Html {
  return table(
    `Calibration of ${name}`,
    ['probability', 'reviews', 'mean probability', 'right', '95 % interval, per cent'],
    bins.map(({ low, high, n, confidence, accuracy, interval }) => [
      `${formatScore(low)} to ${formatScore(high)}`,
      { value: n, text: formatCount(n) },
      { value: confidence, text: formatScore(confidence) },
      toAccuracyCell(accuracy),
      formatInterval(interval),
    ]),
  )
}

function tabulateSlices({ slices, adapters }: Comparison): Html {
  return table(
    'Accuracy by length and by label',
    ['slice', 'reviews', ...adapters.map(({ name }) => name)],
    slices.map(({ by, name, n, adapters: results }) => [
      `${by} ${name}`,
      { value: n, text: formatCount(n) },
      ...results.map(({ accuracy, interval }) => ({
        value: accuracy,
        text: `${formatAccuracy(accuracy)} % (${formatInterval(interval)})`,
      })),
    ]),
  )
}

function tabulateParameters({ adapters }: Comparison): Html {
  return table(
    'Trained parameters and accuracy',
    ['adapter', 'trained parameters', 'accuracy'],
    adapters.map(({ name, trainable, accuracy }) => [
      name,
      trainable === undefined ? 'not known' : { value: trainable, text: formatCount(trainable) },
      toAccuracyCell(accuracy),
    ]),
  )
}
