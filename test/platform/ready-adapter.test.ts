import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readyAdapter } from '../../platform/offline/bases.ts'
import { classifyWithFolders } from '../../platform/offline/classify.ts'
import { openPlatform } from '../../platform/open-platform.ts'
import { importAdapter, listAdapters, removeAdapter } from '../../platform/use-cases/adapters.ts'
import { addReadyAdapter } from '../../platform/use-cases/ready-adapter.ts'
import { freshPath } from '../checkpoint/helpers.ts'
import { readJsonLines } from '../json-lines.ts'

const fixture = <Row>(name: string): Row[] => readJsonLines(join(import.meta.dirname, '../fixtures', name))

const classify = async (texts: readonly string[]) => {
  const { results } = await classifyWithFolders({ checkpoints: [readyAdapter], texts }, () => {})
  return results.map(([result]) => {
    if ('error' in result) throw new Error(result.error.detail)
    return result
  })
}

test('the adapter that comes with Graft answers the first sentences that people try', async () => {
  const sentences = fixture<{ text: string; label: string }>('first-sentences/sentences.jsonl')
  const answers = await classify(sentences.map(({ text }) => text))
  const wrong = sentences.filter(({ label }, i) => answers[i].label !== label).map(({ text }) => text)
  expect(wrong).toEqual([])
})

test('it is not certain of a sentence that judges nothing', async () => {
  const answers = await classify(['The sky is blue.', 'The film is 95 minutes long.', 'She opened the door.'])
  for (const { score } of answers) expect(score).toBeLessThan(0.99)
})

test('it ranks most pairs of sentences that differ in one decisive word', async () => {
  const pairs = fixture<{ positive: string; negative: string }>('pairs/pairs.jsonl')
  const answers = await classify(pairs.flatMap(({ positive, negative }) => [positive, negative]))
  const odds = answers.map(({ label, score }) => (label === 'positive' ? score : 1 - score))
  const right = pairs.filter((_, i) => odds[2 * i] > odds[2 * i + 1]).length
  expect(right).toBeGreaterThanOrEqual(180)
})

test('a new store has it, and it comes back only if no other adapter is left', async () => {
  const home = freshPath('home')
  const names = async (act: (platform: Awaited<ReturnType<typeof openPlatform>>) => Promise<unknown>) => {
    const platform = await openPlatform({ home, databaseUrl: '', threads: 1 })
    try {
      await addReadyAdapter(platform)
      await act(platform)
      return (await listAdapters(platform)).data.map(({ name }) => name)
    } finally {
      await platform.close()
    }
  }
  expect(await names(async () => {})).toEqual(['film'])
  expect(await names((platform) => removeAdapter(platform, 'film'))).toEqual([])
  expect(await names((platform) => importAdapter(platform, 'mine', readyAdapter))).toEqual(['mine', 'film'])
  expect(await names((platform) => removeAdapter(platform, 'film'))).toEqual(['mine'])
  expect(await names(async () => {})).toEqual(['mine'])
})
