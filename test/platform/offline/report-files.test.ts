import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseReportPath, writeReport } from '../../../platform/offline/report-files.ts'
import { renderReportFiles } from '../../../report/page.ts'
import { expectError, freshPath } from '../../checkpoint/helpers.ts'
import { compareContestants } from '../../report/sample.ts'

const comparison = compareContestants(
  [
    ['a', 0.8, 100],
    ['b', 0.9, 200],
  ],
  40,
)

test('a path that ends in .html becomes a page, and any other a folder with the page and its charts', async () => {
  const folder = freshPath('reports')
  mkdirSync(folder, { recursive: true })
  const page = join(folder, 'one.html')
  expect(await writeReport(await parseReportPath(page), comparison)).toBe(page)
  const files = renderReportFiles(comparison)
  expect(readFileSync(page, 'utf8')).toBe(files['report.html'])
  for (const name of ['charts', 'v1.2/']) {
    const at = join(folder, name)
    expect(await writeReport(await parseReportPath(at), comparison)).toBe(join(at, 'report.html'))
    expect(readdirSync(at).sort()).toEqual(Object.keys(files).sort())
    for (const [file, content] of Object.entries(files)) expect(readFileSync(join(at, file), 'utf8')).toBe(content)
  }
})

test('a report overwrites nothing, and another extension is refused', async () => {
  const folder = freshPath('taken')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'report.html'), 'mine')
  await expectError(parseReportPath(join(folder, 'report.html')), 'output_exists', 'Choose another name')
  await expectError(parseReportPath(folder), 'output_exists', 'report.html')
  await expectError(parseReportPath(join(folder, 'report.pdf')), 'usage', '--report', '.html', 'report.pdf')
})
