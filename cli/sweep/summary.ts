import { formatCount } from '../../core/format-count.ts'
import { formatAccuracy, formatInterval, formatP, formatPoints } from '../../report/format.ts'
import { formatTable } from '../output.ts'
import { formatDuration } from '../progress.ts'
import { formatVerdict } from '../report/format.ts'
import type { SweepReport } from './report.ts'

/** Formats the results of a sweep for the terminal: the table and the verdicts of the claims. */
export function formatSweep({ rows, baseline, claims }: SweepReport): string[] {
  return [
    ...formatTable([
      ['method', 'trained', 'accuracy', '95 % interval', 'published', 'training'],
      ...rows.map(({ name, trainable, accuracy, published, seconds }) => [
        name,
        formatCount(trainable),
        accuracy ? formatAccuracy(accuracy.mean) : '-',
        accuracy ? formatInterval(accuracy.interval) : '-',
        published?.toFixed(1) ?? '-',
        seconds === undefined ? '-' : formatDuration(seconds),
      ]),
      ...(baseline
        ? [
            [
              'TF-IDF',
              formatCount(baseline.trainable),
              formatAccuracy(baseline.accuracy),
              formatInterval(baseline.interval),
              '-',
              formatDuration(baseline.seconds),
            ],
          ]
        : []),
    ]),
    ...(claims.length > 0 ? [''] : []),
    ...claims.map(
      ({ says, difference, interval, adjusted_p, ...claim }) =>
        `${says}: ${formatVerdict(claim)}${
          difference === undefined || !interval || adjusted_p === undefined
            ? ''
            : ` (${formatPoints(difference)} points [${interval.map(formatPoints).join(', ')}], adjusted p ${formatP(adjusted_p)})`
        }`,
    ),
  ]
}
