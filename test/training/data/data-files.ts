import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readExamples } from '../../../training/data/examples.ts'
import type { ReadOptions } from '../../../training/data/scan-examples.ts'
import { afterFile } from '../../after-file.ts'

/** Returns a function that writes files of reviews, and one that reads their examples. */
export function makeDataFiles() {
  const folder = mkdtempSync(join(tmpdir(), 'graft-data-'))
  afterFile(() => rmSync(folder, { recursive: true }))
  let files = 0
  const write = (content: string | Uint8Array, name = 'reviews') => {
    const path = join(folder, `${files++}-${name}`)
    writeFileSync(path, content)
    return path
  }
  return { write, read: (content: string | Uint8Array, options?: ReadOptions) => readExamples(write(content), options) }
}
