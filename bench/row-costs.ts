import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../core/entry.ts'
import { readExamples } from '../training/data/examples.ts'
import type { Measured } from './measured.ts'

const COUNTS = [1000, 10_000, 100_000, 1_000_000]
/** The words of a row. Whole reviews would make the largest file larger than a gigabyte. */
const WORDS = 24

/**
 * Writes files of so many rows, parts of real reviews. The cost is the time of `graft train --plan`, which reads,
 * validates and tokenizes everything, measures a few steps, and trains nothing.
 */
export async function openRowCosts(data: string): Promise<Measured[]> {
  const folder = mkdtempSync(join(tmpdir(), 'graft-rows-'))
  const { examples } = await readExamples(data)
  const parts = examples.flatMap(({ text, label }) => {
    const words = text.split(/\s+/)
    return Array.from({ length: Math.floor(words.length / WORDS) }, (_, i) => ({
      text: words.slice(WORDS * i, WORDS * (i + 1)).join(' '),
      label,
    }))
  })
  const pathOf = (count: number) => join(folder, `${count}.jsonl`)
  for (const count of COUNTS) {
    const file = openSync(pathOf(count), 'w')
    for (let row = 0; row < count; row++) {
      const { text, label } = parts[row % parts.length]
      // The number keeps rows apart once all parts have been used.
      const repeated = Math.floor(row / parts.length)
      writeSync(file, `${JSON.stringify({ text: repeated > 0 ? `${text} ${repeated}` : text, label })}\n`)
    }
    closeSync(file)
  }
  return [
    {
      name: 'graft train --plan',
      sizes: COUNTS,
      async measure(count) {
        const started = performance.now()
        const args = [
          join(packageRoot, 'bin/graft.cjs'),
          'train',
          '--plan',
          '--data',
          pathOf(count),
          '--out',
          join(folder, 'out'),
        ]
        const { status, stderr } = spawnSync(process.execPath, [...args, '--device', 'cpu'])
        if (status !== 0) throw new Error(stderr.toString())
        return (performance.now() - started) / 1000
      },
      async close() {
        rmSync(folder, { recursive: true })
      },
    },
  ]
}
