import { describe, expect, test } from 'vitest'
import { escapeXml, toSvgDocument } from '../../charts/svg.ts'
import { drawAccuracy } from '../../cli/report/accuracy-chart.ts'
import { drawCurves } from '../../cli/report/curves-chart.ts'
import { formatJson } from '../../cli/report/json.ts'
import { toMarkdown } from '../../cli/report/markdown.ts'
import { judgeClaims } from '../../cli/sweep/judge-claims.ts'
import type { RowResult, SeedComparison, SweepReport } from '../../cli/sweep/report.ts'
import { parseSvg } from '../charts/parse-svg.ts'

const curve = Array.from({ length: 20 }, (_, i) => ({ step: i + 1, loss: 0.7 - 0.02 * i }))

const row = (name: string, fields: Partial<RowResult> = {}): RowResult => ({
  name,
  method: { method: 'lora', rank: 8 },
  settings: { method: 'lora', rank: 8, targets: ['q', 'v'] },
  trainable: 294_912,
  percent: 0.485,
  bytes: 1_179_648,
  accuracy: { mean: 0.89, interval: [0.884, 0.896], deviation: 0.002, seeds: 2 },
  seconds: 1400,
  trainings: [0, 1].map((seed) => ({ seed, name: `${name}-s${seed}`, status: 'succeeded', steps: 20, curve })),
  ...fields,
})

const rows = [
  row('LoRA & <friends> | "8"', { published: 89.1, published_source: 'a paper' }),
  row('the same', { shares_trainings_of: 'LoRA & <friends> | "8"', published: 88.7 }),
  row('full', { trainable: 60_506_624, accuracy: { mean: 0.905, interval: [0.9, 0.91], seeds: 1 } }),
  row('failed', {
    accuracy: undefined,
    seconds: undefined,
    trainings: [{ seed: 0, name: 'failed-s0', status: 'failed', error: 'The training diverged. Step 3: …' }],
  }),
]

const report: SweepReport = {
  graft: '0.1.0',
  name: 'film',
  base: { name: 'embedded', fingerprint: 'f'.repeat(64), parameters: 8_392_192 },
  data: { train: { digest: 'a'.repeat(64), rows: 25_000 }, test: { digest: 'b'.repeat(64), rows: 12_500 } },
  leaked: 67,
  seeds: [0, 1],
  trainings: { total: 6, ended: 6 },
  rows,
  baseline: { n: 12_500, accuracy: 0.907, interval: [0.902, 0.912], f1: 0.907, trainable: 438_637, seconds: 60 },
  claims: [],
}

describe.each([
  ['accuracy against trained parameters', (report: SweepReport) => toSvgDocument(drawAccuracy(report))],
  ['learning curves', (report: SweepReport) => toSvgDocument(drawCurves(report))],
])('the chart of %s', (_, draw) => {
  test('is well-formed and names every row, whatever characters the name has', () => {
    const texts = parseSvg(draw(report))
    for (const [i, { name }] of rows.entries()) expect(texts).toContain(escapeXml(`${i + 1}  ${name}`))
  })

  test('has a background and colors for light and dark mode', () => {
    const svg = draw(report)
    const [light, dark] = svg.split('@media (prefers-color-scheme:dark)')
    for (const part of [light, dark])
      for (const rule of [/\.page\{fill:#[0-9a-f]{6}\}/, /\.ink\{color:#[0-9a-f]{6}\}/, /\.c9\{color:#[0-9a-f]{6}\}/])
        expect(part).toMatch(rule)
    expect(svg).toContain('class="page"')
  })

  test('is well-formed without any result, and with more rows than colors', () => {
    const nothing = rows.map(({ accuracy: _accuracy, published: _published, ...rest }) => ({ ...rest, trainings: [] }))
    expect(parseSvg(draw({ ...report, rows: nothing, baseline: undefined }))).toContain('4  failed')
    const many = Array.from({ length: 23 }, (_, i) => row(`row ${i}`, { trainable: 100 * (i + 1) }))
    expect(parseSvg(draw({ ...report, rows: many }))).toContain('23  row 22')
  })
})

test('accuracies are filled points with their intervals, and published figures hollow points', () => {
  const svg = toSvgDocument(drawAccuracy({ ...report, rows: rows.slice(0, 1), baseline: undefined }))
  const circles = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"[^>]* fill="(\w+)"/g)]
  // The legend has a point of each kind as well.
  expect(circles.map(([, , , fill]) => fill)).toEqual(['currentColor', 'none', 'currentColor', 'none'])
  const [measured, published] = circles.map(([, x, y]) => [Number(x), Number(y)])
  expect(measured[0]).toBe(published[0])
  // 89.1 is above 89.0.
  expect(published[1]).toBeLessThan(measured[1])
})

describe('the Markdown of a report', () => {
  const markdown = toMarkdown(report, { accuracy: 'a.svg', curves: 'c.svg' })

  test('has a line for each row and for TF-IDF, with the published figure beside the measured one', () => {
    expect(markdown).toContain(
      '| 1 | LoRA & &lt;friends> \\| "8" | 294,912 | 0.485 | 89.00 | 88.40 to 89.60 | 0.20 | 89.1 | 23 min 20 s | 1.18 |',
    )
    expect(markdown).toContain('| 4 | failed | 294,912 | 0.485 |  |  |  |  |  | 1.18 |')
    expect(markdown).toContain('|  | TF-IDF | 438,637 |  | 90.70 | 90.20 to 91.20 |  |  | 1 min 0 s |  |')
    for (const text of ['row 2 with row 1', '- failed, seed 0: The training diverged.', '67 test reviews', 'a paper'])
      expect(markdown).toContain(text)
    expect(markdown).not.toContain('Incomplete')
  })

  test('refers to both charts, and has no line of prose over 120 columns', () => {
    expect(markdown).toContain('![Accuracy against trained parameters](a.svg)')
    expect(markdown).toContain('![Learning curves](c.svg)')
    for (const line of markdown.split('\n')) if (!line.startsWith('|')) expect(line.length, line).toBeLessThan(121)
  })

  test('says how much is missing while trainings have not ended', () => {
    const partial = { ...report, trainings: { total: 6, ended: 2 } }
    expect(toMarkdown(partial, { accuracy: 'a', curves: 'c' })).toContain('Incomplete: 4 of 6 trainings')
  })
})

test('the JSON of a report is equal to it, and has short values on one line', () => {
  const json = formatJson(report)
  expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(report)))
  expect(json).toContain('\n  "seeds": [0, 1],\n')
  expect(json).toContain('\n            { "step": 1, "loss": 0.7 },\n')
  expect(formatJson({ list: [], nothing: {}, missing: undefined })).toBe('{ "list": [], "nothing": {} }\n')
})

describe('a claim', () => {
  const comparison = (seed: number, wins: number, losses: number): SeedComparison => {
    const difference = (wins - losses) / 1000
    return { seed, difference, interval: [-0.1, 0.1], wins, losses, mcnemar_p: 0.03, verdict: '' }
  }
  const claim = { better: 'a', worse: 'b', says: 'a beats b' }
  const judge = (...seeds: SeedComparison[][]) =>
    judgeClaims(
      seeds.map(() => claim),
      seeds,
      1000,
    )

  test('holds if the rows differ clearly for all seeds, is reversed if they differ the other way, or is undecided', () => {
    const seeds = (wins: number, losses: number) => [0, 1, 2].map((seed) => comparison(seed, wins + seed, losses))
    const verdicts = judge(seeds(90, 30), seeds(30, 90), seeds(50, 48)).map(({ verdict }) => verdict)
    expect(verdicts).toEqual(['holds', 'reversed', 'undecided'])
  })

  test('of one seed is judged by the comparison of the adapters, and adjusted for the other claims', () => {
    expect(judge([comparison(0, 60, 40)])[0]).toMatchObject({ verdict: 'holds', p: 0.03, adjusted_p: 0.03 })
    const [first, second] = judge([comparison(0, 60, 40)], [comparison(0, 60, 40)])
    expect(first).toMatchObject({ verdict: 'undecided', p: 0.03, adjusted_p: 0.06 })
    expect(second).toEqual(first)
  })

  test('is unfinished without a comparison, and does not count for the adjustment of others', () => {
    const [first, second] = judge([], [comparison(0, 60, 40)])
    expect(first).toEqual({ ...claim, verdict: 'unfinished', seeds: [] })
    expect(second).toMatchObject({ verdict: 'holds', adjusted_p: 0.03 })
  })
})
