import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { loadBase } from '../../../checkpoint/base.ts'
import { embeddedBase } from '../../../checkpoint/embedded-base.ts'
import { packageRoot } from '../../../core/entry.ts'
import type { MethodConfig } from '../../../model/methods/registry.ts'
import { exportFolder } from '../../../platform/offline/checkpoints.ts'
import { classifyWithFolders } from '../../../platform/offline/classify.ts'
import { imdb, withoutImdb } from '../../imdb.ts'
import { makeReviews, tinyBase } from '../../training/tiny.ts'
import { freshPath } from '../helpers.ts'
import { type Label, openReader, saveRandom } from './helpers.ts'

/** Reads the first reviews of each label of IMDB's test data. */
function readImdb(perLabel: number): string[] {
  const lines = gunzipSync(readFileSync(join(imdb, 'test.jsonl.gz')))
    .toString('utf8')
    .trim()
    .split('\n')
  const rows = lines.map((line) => JSON.parse(line) as { text: string; label: string })
  const labels = [...new Set(rows.map(({ label }) => label))]
  return labels.flatMap((label) =>
    rows
      .filter((row) => row.label === label)
      .slice(0, perLabel)
      .map(({ text }) => text),
  )
}

/** Classifies texts with Graft and with the program in an exported folder. */
async function classifyWithBoth(base: string, dir: string, texts: string[], dtype: 'fp32' | 'q8') {
  const out = freshPath('exported')
  await exportFolder(dir, 'onnx', out, base)
  const classify = await openReader(out, dtype)
  const found: Label[] = []
  for (const text of texts) found.push(await classify(text))
  const { results } = await classifyWithFolders({ base, checkpoints: [dir], texts, threads: 1 }, () => {})
  return { found, expected: results.map(([result]) => result as Label) }
}

describe(`real reviews${withoutImdb}`, () => {
  test.skipIf(withoutImdb).each(['fp32', 'q8'] as const)(
    'classify.js finds the labels and probabilities of 50 reviews as Graft does, in %s',
    async (dtype) => {
      const film = join(packageRoot, 'base/film')
      const { found, expected } = await classifyWithBoth(embeddedBase, film, readImdb(25), dtype)
      expect(found.map(({ label }) => label)).toEqual(expected.map(({ label }) => label))
      expect(new Set(found.map(({ label }) => label)).size).toBe(2)
      // The weights of the embedded base are int8 rows already, so rounding them changes nothing.
      for (const [i, { scores }] of found.entries())
        for (const [label, score] of Object.entries(scores))
          expect(Math.abs(score - expected[i].scores[label])).toBeLessThan(1e-4)
    },
  )
})

const methods: MethodConfig[] = [{ method: 'lora' }, { method: 'soft-prompt', tokens: 4 }, { method: 'prefix' }]

test.each(methods)('classify.js truncates and scores texts as Graft does, with %j', async (config) => {
  const base = await loadBase(tinyBase())
  // Half of the texts are longer than the adapter reads, and HTML's line breaks count as spaces.
  const texts = makeReviews(50).map(({ text }, i) => (i % 2 ? `${text} ${text}` : text.replace(' ', '<br /><br />')))
  const { found, expected } = await classifyWithBoth(tinyBase(), await saveRandom(base, config, 0.2), texts, 'fp32')
  expect(found.map(({ label }) => label)).toEqual(expected.map(({ label }) => label))
  for (const [i, { scores }] of found.entries())
    for (const [label, score] of Object.entries(scores))
      expect(Math.abs(score - expected[i].scores[label])).toBeLessThan(1e-4)
})

test('weights that are rounded to int8 change no label of a text that is not undecided', async () => {
  const base = await loadBase(tinyBase())
  const texts = makeReviews(50).map(({ text }) => text)
  const { found, expected } = await classifyWithBoth(
    tinyBase(),
    await saveRandom(base, { method: 'full' }),
    texts,
    'q8',
  )
  const clear = found.flatMap(({ label, score }, i) => (expected[i].score > 0.52 ? [{ label, score, i }] : []))
  expect(clear.length).toBeGreaterThan(20)
  for (const { label, i } of clear) expect(label).toBe(expected[i].label)
  // The rounded weights are other weights.
  expect(found.some(({ score }, i) => score !== expected[i].score)).toBe(true)
})
