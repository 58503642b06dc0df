import { extname, join } from 'node:path'
import { requireFreeFolder, writeFolder } from '../../checkpoint/write-folder.ts'
import { fail } from '../../core/errors.ts'
import { renderReportFiles, renderReportPage } from '../../report/page.ts'
import type { Comparison } from '../../training/comparison/comparison.ts'
import { requireFreeFile, writeFileWhole } from './predictions-file.ts'

/** The path of a report: a page, or a folder for the page and its charts as SVG. */
export interface ReportPath {
  path: string
  kind: 'page' | 'folder'
}

/**
 * Returns where a report goes: into a page if the path ends in `.html`, or into a folder if it ends in a slash or has
 * no extension. Call it before the comparison.
 * @throws GraftError `usage`, or `output_exists` if something is there already
 */
export async function parseReportPath(path: string): Promise<ReportPath> {
  if (path.endsWith('.html')) {
    requireFreeFile(path)
    return { path, kind: 'page' }
  }
  if (!/[\\/]$/.test(path) && extname(path) !== '')
    fail('usage', {
      subject: '--report',
      expected: 'a file that ends in .html, or a folder',
      found: JSON.stringify(path),
      fix: 'Name the file report.html, or write a slash after the name of the folder.',
    })
  await requireFreeFolder(path)
  return { path, kind: 'folder' }
}

/**
 * Writes the report of a comparison, completely or not at all.
 * @returns the path of the page
 * @throws GraftError `output_exists`, `disk_full`
 */
export async function writeReport({ path, kind }: ReportPath, comparison: Comparison): Promise<string> {
  if (kind === 'page') {
    writeFileWhole(path, renderReportPage(comparison))
    return path
  }
  await writeFolder(path, renderReportFiles(comparison))
  return join(path, 'report.html')
}
