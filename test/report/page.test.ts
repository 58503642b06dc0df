import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { groupAdapters } from '../../report/groups.ts'
import { REPORT_POLICY, renderReportFiles, renderReportPage } from '../../report/page.ts'
import type { Comparison } from '../../training/comparison/comparison.ts'
import { parseSvg } from '../charts/parse-svg.ts'
import { freshPath } from '../checkpoint/helpers.ts'
import { withoutChromium } from '../chromium.ts'
import { findBarriers, openBrowser, visit } from '../web/browser.ts'
import { compareContestants } from './sample.ts'

const attack = '<img src=x onerror=alert(1)></script><b>&"\''

const comparison = compareContestants(
  [
    ['lora-1', 0.8, 6144],
    [attack, 0.88, 49_152],
    ['pipeline', 0.87],
  ],
  600,
  (row) => (row % 3 === 0 ? attack : `Review ${row}`),
)

test('the adapters are grouped by what the pairs say about each and the leader', () => {
  const { leader, level, behind } = groupAdapters(comparison)
  expect(leader.accuracy).toBe(Math.max(...comparison.adapters.map(({ accuracy }) => accuracy)))
  const namesOf = (adapters: readonly { name: string }[]) => adapters.map(({ name }) => name)
  for (const { a, b, better } of comparison.pairs.filter(({ a, b }) => a === leader.name || b === leader.name)) {
    const other = a === leader.name ? b : a
    expect(namesOf(better === null ? level : behind)).toContain(other)
  }
  expect(level.length + behind.length).toBe(2)
})

test('the page holds all that it needs, and its policy allows only its own style and script', () => {
  const page = renderReportPage(comparison)
  expect(renderReportPage(comparison)).toBe(page)
  expect(page).toContain(`content="${REPORT_POLICY}"`)
  for (const tag of ['style', 'script']) {
    const [, text] = new RegExp(`<${tag}>(.*?)</${tag}>`, 's').exec(page) ?? []
    expect(REPORT_POLICY).toContain(`'sha256-${createHash('sha256').update(text).digest('base64')}'`)
  }
  expect(page).not.toMatch(/(?:src|href|url\()\s*=?\s*["']?(?:https?:)?\/\//)
  expect(page).not.toContain('<img')
})

test('names, texts and labels full of markup stay text in the page and in every chart', () => {
  const hostile = JSON.parse(JSON.stringify(comparison).replaceAll('"positive"', JSON.stringify(attack))) as Comparison
  const labels = hostile.flipped.map(({ label }) => label)
  expect(labels).toContain(attack)
  for (const [name, content] of Object.entries(renderReportFiles(hostile))) {
    expect(content, name).not.toMatch(/<img|<\/script><b>|<b>&"/)
    expect(content.match(/<script|<\/script/g) ?? [], name).toHaveLength(name === 'report.html' ? 2 : 0)
    if (name.endsWith('.svg')) parseSvg(content)
  }
  expect(renderReportPage(hostile)).toContain(
    '&#60;img src=x onerror=alert(1)&#62;&#60;/script&#62;&#60;b&#62;&#38;&#34;&#39;',
  )
})

test('each chart of a folder is a document of its own; a chart without data is left out', () => {
  const names = ['report.html', 'accuracy.svg', 'differences.svg', 'pairs.svg', 'calibration.svg', 'slices.svg']
  const files = renderReportFiles(comparison)
  expect(Object.keys(files)).toEqual([...names, 'parameters.svg'])
  for (const [name, content] of Object.entries(files)) if (name.endsWith('.svg')) parseSvg(content)
  const pipelines = compareContestants(
    [
      ['a', 0.8],
      ['b', 0.9],
    ],
    50,
  )
  expect(Object.keys(renderReportFiles(pipelines))).toEqual(names)
})

let browser: Promise<Browser> | undefined

/** Opens the report of the comparison. */
async function openReport({ width, colorScheme }: { width: number; colorScheme: 'light' | 'dark' }) {
  browser ??= openBrowser()
  const folder = freshPath('report')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'report.html')
  writeFileSync(file, renderReportPage(comparison))
  return visit(await browser, pathToFileURL(file).href, { viewport: { width, height: 800 }, colorScheme })
}

/** Returns the rows of a table as the values of its numbers and the texts of its other cells. */
const readTable = (page: Page, caption: string): Promise<(string | number)[][]> =>
  page.evaluate(
    `[...[...document.querySelectorAll('table')].find((table) => table.caption.textContent === ${JSON.stringify(caption)}).tBodies[0].rows]
      .map((row) => [...row.cells].map((cell) => {
        const data = cell.querySelector('data')
        return data ? Number(data.value) : cell.textContent
      }))`,
  )

describe.skipIf(withoutChromium !== '')(`in a browser${withoutChromium}`, () => {
  test.each([
    { width: 1000, colorScheme: 'light' },
    { width: 1000, colorScheme: 'dark' },
    { width: 360, colorScheme: 'light' },
  ] as const)('the report is accessible, fits, and requests nothing: %o', async (options) => {
    const { page, context, faults } = await openReport(options)
    await page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
    expect(await findBarriers(page)).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(options.width)
    expect(faults).toEqual([])
    await context.close()
  })

  test('the tables have exactly the numbers of the comparison', async () => {
    const { page, context } = await openReport({ width: 1000, colorScheme: 'light' })
    const { adapters, pairs, slices } = comparison
    const percent = (interval: readonly number[]) => interval.map((end) => (100 * end).toFixed(2)).join(' to ')
    expect(await readTable(page, 'Accuracy of each adapter')).toEqual(
      adapters.map(({ name, accuracy, interval, f1, ece }) => [name, accuracy, percent(interval), f1, ece]),
    )
    const differences = await readTable(page, 'Difference of each pair')
    expect(differences.map((row) => row.toSpliced(3, 1))).toEqual(
      pairs.map(({ a, b, better, difference, wins, losses, mcnemar_p, adjusted_p, smallest_detectable }) => [
        `${a}, ${b}`,
        ...[better ?? 'cannot tell', difference, wins, losses, mcnemar_p, adjusted_p, smallest_detectable],
      ]),
    )
    for (const { name, bins } of adapters) {
      const rows = await readTable(page, `Calibration of ${name}`)
      expect(rows.map(([, n, confidence, accuracy]) => ({ n, confidence, accuracy }))).toEqual(
        bins.map(({ n, confidence, accuracy }) => ({ n, confidence, accuracy })),
      )
    }
    expect(await readTable(page, 'Accuracy by length and by label')).toEqual(
      slices.map(({ by, name, n, adapters: results }) => [
        `${by} ${name}`,
        n,
        ...results.map(({ accuracy }) => accuracy),
      ]),
    )
    expect(await readTable(page, 'Trained parameters and accuracy')).toEqual(
      adapters.map(({ name, trainable, accuracy }) => [name, trainable ?? 'not known', accuracy]),
    )
    const probabilities = await page.evaluate(
      "[...document.querySelectorAll('.review data')].map(({ value }) => Number(value))",
    )
    expect(probabilities).toEqual(
      comparison.flipped.flatMap(({ answers }) => answers.map(({ probability }) => probability)),
    )
    await context.close()
  })

  test('the filters show the reviews that they describe; markup in a text stays text', async () => {
    const { page, context } = await openReport({ width: 1000, colorScheme: 'light' })
    const shown = () => page.locator('.review:visible').count()
    const { flipped } = comparison
    expect(await shown()).toBe(flipped.length)
    await page.getByLabel('Wrong').selectOption('lora-1')
    await page.getByLabel('Right').selectOption('pipeline')
    const expected = flipped.filter(({ answers: [first, , third] }) => !first.right && third.right)
    expect(await shown()).toBe(expected.length)
    await page.getByLabel('Text contains').fill('<IMG src=x')
    const attacks = expected.filter(({ text }) => text.startsWith('<img'))
    expect(await shown()).toBe(attacks.length)
    expect(attacks.length).toBeGreaterThan(0)
    expect(await page.getByRole('status').textContent()).toBe(`${attacks.length} of ${flipped.length} shown`)
    expect(await page.locator('.review .text:visible').first().textContent()).toBe(attacks[0].text)
    await context.close()
  })
})
