import { basename } from 'node:path'

/**
 * A name for the data set of a file, made of the file's own.
 * @param suffix which makes it its own, too
 */
export function nameOfFile(path: string, suffix: string): string {
  const stem = basename(path)
    .replace(/\.(gz|jsonl|ndjson|csv|tsv)/g, '')
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
  return `${(stem || 'data').slice(0, 80)}-${suffix}`
}
