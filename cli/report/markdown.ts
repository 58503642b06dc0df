import { formatCount } from '../../core/format-count.ts'
import { formatAccuracy, formatInterval, formatP, formatPoints } from '../../report/format.ts'
import { formatDuration } from '../progress.ts'
import type { ClaimResult, RowResult, SweepReport } from '../sweep/report.ts'
import { formatMegabytes, formatVerdict } from './format.ts'

/** The names of the charts, relative to the report. */
export interface ChartFiles {
  accuracy: string
  curves: string
}

/** Returns the report of a sweep as Markdown. */
export function toMarkdown(report: SweepReport, charts: ChartFiles): string {
  const { name, rows, claims, trainings } = report
  const unfinished = trainings.total - trainings.ended
  const blocks = [
    `# Results of ${name}`,
    ...(unfinished > 0 ? [`**Incomplete: ${unfinished} of ${trainings.total} trainings have not ended.**`] : []),
    wrap(describeSetting(report)),
    table(
      ['', 'method', 'trained', 'per cent', 'accuracy', '95 % interval', 'sd', 'published', 'time', 'MB'],
      [...rows.map(toRowCells), ...toBaselineCells(report)],
    ),
    ...noteSharedTrainings(rows),
    ...noteFailures(rows),
    `![Accuracy against trained parameters](${charts.accuracy})`,
    `![Learning curves](${charts.curves})`,
    ...(claims.length > 0 ? formatClaims(report) : []),
    '## How to read it',
    ...HOW_TO_READ.map(wrap),
    '## Settings',
    table(
      ['', 'method', 'settings', 'published figure'],
      rows.map((row, i) => [String(i + 1), row.name, formatSettings(row), row.published_source ?? '']),
    ),
  ]
  return `${blocks.join('\n\n')}\n`
}

const HOW_TO_READ = [
  '**Accuracy** is the mean over the seeds. Its interval accounts for two things: another seed would give another adapter, and other reviews would give another accuracy. With one seed it is Wilson’s score interval, which accounts only for the reviews. **sd** is the standard deviation of the seeds, in points.',
  '**Per cent** is the share of the trained parameters among all parameters, those of the base and of the adapter. **Time** is the mean duration of one training. **MB** is the size of its adapter.',
  '**Published** figures are those of the source below, on its own test reviews and base. TF-IDF is a logistic regression on words and pairs of words.',
  '**A claim** is judged by comparing the two rows review by review, with the same seed on both sides. It holds if p, adjusted by Holm for the number of claims, is below 0.05. “Cannot tell” does not mean that both are equally good: the interval shows which differences remain possible.',
]

function describeSetting({ base, data, seeds, leaked }: SweepReport): string {
  const leaks = leaked ? ` ${formatCount(leaked)} test reviews are also in the training data.` : ''
  const fingerprint = base.fingerprint.slice(0, 12)
  return `Base \`${base.name}\` (${formatCount(base.parameters)} parameters, fingerprint ${fingerprint}…). The training data have ${formatCount(data.train.rows)} reviews; accuracy is measured on ${formatCount(data.test.rows)} others.${leaks} ${seeds.length === 1 ? 'Seed' : 'Seeds'}: ${seeds.join(', ')}.`
}

function toRowCells(row: RowResult, i: number): string[] {
  const { name, trainable, percent, accuracy, published, seconds, bytes } = row
  return [
    String(i + 1),
    name,
    formatCount(trainable),
    percent.toPrecision(3),
    accuracy ? formatAccuracy(accuracy.mean) : '',
    accuracy ? formatInterval(accuracy.interval) : '',
    accuracy?.deviation === undefined ? '' : formatAccuracy(accuracy.deviation),
    published === undefined ? '' : published.toFixed(1),
    seconds === undefined ? '' : formatDuration(seconds),
    formatMegabytes(bytes),
  ]
}

function toBaselineCells({ baseline }: SweepReport): string[][] {
  if (!baseline) return []
  const { trainable, accuracy, interval, seconds } = baseline
  const measured = [formatAccuracy(accuracy), formatInterval(interval)]
  return [['', 'TF-IDF', formatCount(trainable), '', ...measured, '', '', formatDuration(seconds), '']]
}

function noteSharedTrainings(rows: readonly RowResult[]): string[] {
  const numberOf = (name: string) => rows.findIndex((row) => row.name === name) + 1
  const shared = rows.flatMap(({ shares_trainings_of }, i) =>
    shares_trainings_of === undefined ? [] : [`row ${i + 1} with row ${numberOf(shares_trainings_of)}`],
  )
  return shared.length === 0 ? [] : [wrap(`Rows with equal settings share their trainings: ${shared.join(', ')}.`)]
}

function noteFailures(rows: readonly RowResult[]): string[] {
  const failures = rows
    .filter(({ shares_trainings_of }) => shares_trainings_of === undefined)
    .flatMap(({ name, trainings }) =>
      trainings
        .filter(({ status }) => status === 'failed' || status === 'cancelled')
        .map(({ seed, status, error }) => wrap(`- ${name}, seed ${seed}: ${error ?? status}`)),
    )
  return failures.length === 0 ? [] : ['These trainings have no result:', failures.join('\n')]
}

function formatClaims({ claims, seeds }: SweepReport): string[] {
  const perSeed = claims.flatMap((claim) =>
    claim.seeds.map(({ seed, difference, interval, wins, losses, mcnemar_p }) => [
      claim.says,
      String(seed),
      formatPoints(difference),
      interval.map(formatPoints).join(' to '),
      formatCount(wins),
      formatCount(losses),
      formatP(mcnemar_p),
    ]),
  )
  return [
    '## Claims',
    table(['claim', 'verdict', 'points', '95 % interval', 'p', 'adjusted p'], claims.map(toClaimCells)),
    ...(seeds.length > 1 && perSeed.length > 0
      ? [
          'The comparison of each seed, with McNemar’s exact test:',
          table(['claim', 'seed', 'points', '95 % interval', 'wins', 'losses', 'p'], perSeed),
        ]
      : []),
  ]
}

function toClaimCells(claim: ClaimResult): string[] {
  const { says, difference, interval, p, adjusted_p } = claim
  return [
    says,
    formatVerdict(claim),
    difference === undefined ? '' : formatPoints(difference),
    interval ? interval.map(formatPoints).join(' to ') : '',
    p === undefined ? '' : formatP(p),
    adjusted_p === undefined ? '' : formatP(adjusted_p),
  ]
}

const formatSettings = ({ settings }: RowResult): string =>
  Object.entries(settings)
    .map(([field, value]) => `${field} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(', ')

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const toLine = (cells: readonly string[]) => `| ${cells.map((cell) => escapeCell(cell)).join(' | ')} |`
  return [toLine(head), `|${'---|'.repeat(head.length)}`, ...rows.map(toLine)].join('\n')
}

/** A name may contain characters that have a meaning in tables or in HTML. */
const escapeCell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')

const MAX_COLUMNS = 120

/** Breaks a paragraph into lines of at most 120 columns. */
function wrap(paragraph: string): string {
  const lines: string[] = []
  for (const word of paragraph.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= MAX_COLUMNS) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines.join('\n')
}
