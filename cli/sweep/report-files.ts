import { mkdirSync, readFileSync, renameSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { toSvgDocument } from '../../charts/svg.ts'
import { writeDurably } from '../../core/durable.ts'
import { drawAccuracy } from '../report/accuracy-chart.ts'
import { drawCurves } from '../report/curves-chart.ts'
import { formatJson } from '../report/json.ts'
import { toMarkdown } from '../report/markdown.ts'
import type { SweepReport } from './report.ts'

/** The paths of the files of a report. */
export interface ReportFiles {
  markdown: string
  json: string
  accuracy: string
  curves: string
}

/** Returns the files of a report in a folder, or of one whose Markdown has a path: then the others are beside it. */
export function reportFiles(place: { folder: string } | { markdown: string }): ReportFiles {
  const markdown = 'folder' in place ? join(place.folder, 'report.md') : place.markdown
  const stem = markdown.replace(/\.md$/, '')
  return { markdown, json: `${stem}.json`, accuracy: `${stem}-accuracy.svg`, curves: `${stem}-curves.svg` }
}

/** Writes the files of a report. Each is whole at any moment: an older one is replaced at once. */
export function writeReport(files: ReportFiles, report: SweepReport): void {
  const { markdown, json, accuracy, curves } = files
  mkdirSync(dirname(markdown), { recursive: true })
  const charts = { accuracy: basename(accuracy), curves: basename(curves) }
  replaceFile(json, formatJson(report))
  replaceFile(accuracy, toSvgDocument(drawAccuracy(report)))
  replaceFile(curves, toSvgDocument(drawCurves(report)))
  replaceFile(markdown, toMarkdown(report, charts))
}

/** Returns the report that an earlier run wrote, or undefined if there is none that can be read. */
export function readReport({ json }: ReportFiles): SweepReport | undefined {
  try {
    return JSON.parse(readFileSync(json, 'utf8')) as SweepReport
  } catch {
    return undefined
  }
}

function replaceFile(path: string, text: string): void {
  const partial = `${path}.${process.pid}.partial`
  writeDurably(partial, new TextEncoder().encode(text))
  renameSync(partial, path)
}
