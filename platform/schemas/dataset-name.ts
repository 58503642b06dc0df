import { basename } from 'node:path'
import { isDeviceName } from './common.ts'

/**
 * Returns a name for a data set, derived from the name of its file.
 * @param suffix makes the name unique
 */
export function datasetNameOf(path: string, suffix: string): string {
  const stem = basename(path)
    .replace(/\.(gz|jsonl|ndjson|csv|tsv)/g, '')
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
  return `${(isDeviceName(stem) ? `data-${stem}` : stem || 'data').slice(0, 80)}-${suffix}`
}
