import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadBase } from '../checkpoint/base.ts'
import { embeddedBase } from '../checkpoint/embedded-base.ts'
import { makeRandom } from '../core/random.ts'
import { parseMethod } from '../model/methods/registry.ts'
import { openEngine } from '../serving/engine.ts'
import { readExamples } from '../training/data/examples.ts'
import type { Measured } from './measured.ts'
import { saveRandomAdapter } from './random-adapter.ts'

const COUNTS = [1, 4, 16, 64, 256, 1000]
const REVIEWS = 256
const THREADS = 2

/** Opens an engine with a thousand LoRAs. The cost is that of a review when each has one of the first so many. */
export async function openAdapterCosts(data: string): Promise<Measured[]> {
  const folder = mkdtempSync(join(tmpdir(), 'graft-adapters-'))
  const base = await loadBase(embeddedBase)
  const method = parseMethod({ method: 'lora' })
  const names = Array.from({ length: Math.max(...COUNTS) }, (_, i) => `lora-${i}`)
  for (const [seed, name] of names.entries()) await saveRandomAdapter(join(folder, name), method, base, seed)
  const engine = await openEngine({ base, folderOf: async (key) => join(folder, key), threads: THREADS })
  for (const name of names) await engine.load(name)
  const { examples } = await readExamples(data)
  const { shuffle, integer } = makeRandom(0, 'reviews')
  const texts = shuffle(examples.map(({ text }) => text)).slice(0, REVIEWS)
  return [
    {
      name: 'f32',
      sizes: COUNTS,
      async measure(count) {
        const rows = texts.map((text) => ({ text, adapter: names[integer(count)] }))
        const started = performance.now()
        for (const answer of await engine.classify(rows))
          if ('error' in answer) throw new Error(JSON.stringify(answer.error))
        return (performance.now() - started) / texts.length
      },
      async close() {
        await engine.close()
        rmSync(folder, { recursive: true })
      },
    },
  ]
}
