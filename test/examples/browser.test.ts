import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { readyAdapter } from '../../platform/offline/bases.ts'
import { classifyWithFolders } from '../../platform/offline/classify.ts'
import { freshPath } from '../checkpoint/helpers.ts'
import { openPage, withoutChromium } from '../chromium.ts'
import { watchProcess } from '../cli/run.ts'
import { readJsonLines } from '../json-lines.ts'

test.skipIf(withoutChromium)(
  `examples/browser.ts serves a page that classifies as Graft does, in Chromium, without any other server${withoutChromium}`,
  async () => {
    const args = [join('examples', 'browser.ts'), readyAdapter, freshPath('page')]
    const env = { ...process.env, PORT: '0' }
    const server = watchProcess(spawn(process.execPath, args, { cwd: packageRoot, env }))
    await server.waitFor(/http:\S+\n/)
    const page = await openPage(server.stdout.trim())
    const texts = readJsonLines<{ text: string }>(join(packageRoot, 'samples/test.jsonl'))
      .slice(0, 20)
      .map(({ text }) => text)
    const found = await page.evaluate<{ label: string; score: number }[]>(`(async () => {
      const classify = await (await import('./page.js')).classifier
      const found = []
      for (const text of ${JSON.stringify(texts)}) found.push(await classify(text))
      return found
    })()`)
    const { results } = await classifyWithFolders({ checkpoints: [readyAdapter], texts, threads: 1 }, () => {})
    for (const [i, [expected]] of results.entries()) {
      expect(found[i]).toMatchObject({ label: 'label' in expected && expected.label })
      expect(found[i].score).toBeCloseTo('score' in expected ? expected.score : Number.NaN, 3)
    }
    const shown = await page.evaluate<string>(`(async () => {
      const output = document.querySelector('output')
      document.querySelector('textarea').value = 'A joy from start to finish.'
      document.querySelector('button').click()
      while (!output.value.includes('%')) await new Promise((resolve) => setTimeout(resolve, 20))
      return output.value
    })()`)
    expect(shown).toMatch(/^positive, \d+\.\d %, in \d+ ms$/)
    server.kill('SIGTERM')
  },
  60_000,
)
