import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { connectGraft } from '../../client/client.ts'
import { packageRoot } from '../../core/entry.ts'
import { withoutChromium } from '../chromium.ts'
import { freshHome, startGraft } from '../cli/run.ts'
import { readJsonLines } from '../json-lines.ts'
import { openBrowser, visit } from './browser.ts'
import { chooseData, compareTwo, explainWith, fillTraining, launch, promoteTo, storeData, watchToEnd } from './steps.ts'

/** Samples in the form of Kaggle's IMDB file. */
function makeFile() {
  const samples = readJsonLines<{ text: string; label: string }>(join(packageRoot, 'samples/train.jsonl')).slice(0, 60)
  const lines = samples.map(({ text, label }) => `"${text.replaceAll('"', '""')}<br /><br />Seen twice.",${label}`)
  const buffer = Buffer.from(`review,sentiment\n${lines.join('\n')}\n`)
  return { name: 'IMDB Dataset.csv', mimeType: 'text/csv', buffer }
}

describe.skipIf(withoutChromium !== '')(`with an API key, in a browser${withoutChromium}`, () => {
  let url: string
  let browser: Browser
  let key: string

  beforeAll(async () => {
    const server = startGraft(['serve', '--port', '0', '--threads', '2'], { GRAFT_HOME: freshHome() })
    await server.waitFor(/http:\S+\n/)
    url = server.stdout.trim()
    browser = await openBrowser()
    key = (await connectGraft({ url }).keys.create({ name: 'test', scopes: ['admin'] })).secret
  })

  test('an adapter is added by its archive; another is trained, compared with it, promoted and explained, by clicks', async () => {
    const graft = connectGraft({ url, apiKey: key })
    const archive = Buffer.from(await (await graft.adapters.download('film')).arrayBuffer())
    const { page, faults, context } = await visit(browser, `${url}/adapters`)
    await page.getByLabel('Key').fill(key)
    await page.getByRole('button', { name: 'Continue' }).click()

    await page.getByRole('link', { name: 'Add an adapter' }).click()
    const choose = page.getByLabel('Archive of an adapter')
    await choose.setInputFiles({ name: 'broken.tar.gz', mimeType: 'application/gzip', buffer: Buffer.from('nothing') })
    await page.getByRole('button', { name: 'Store it' }).click()
    await page.getByRole('alert').waitFor()
    await choose.setInputFiles({ name: 'film second.tar', mimeType: 'application/x-tar', buffer: archive })
    expect(await page.getByLabel('Name of the adapter').inputValue()).toBe('film-second')
    await page.getByRole('button', { name: 'Store it' }).click()
    await page.getByRole('heading', { name: 'film-second' }).waitFor()

    await chooseData(page, makeFile())
    expect(await page.getByLabel('Name of the data set').inputValue()).toBe('IMDB-Dataset')
    await storeData(page)
    await fillTraining(page, { 'Max tokens': '32' })
    expect(await page.getByLabel('Rank', { exact: true }).getAttribute('placeholder')).toBe('8')
    await launch(page, 'mine')
    await watchToEnd(page)

    await compareTwo(page, ['film-second', 'mine'], 'IMDB-Dataset (60 reviews)')
    const saved = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Save the report' }).click()
    expect((await saved).suggestedFilename()).toMatch(/^comparison-.*\.html$/)

    await promoteTo(page, 'production', 'mine')
    expect((await graft.aliases.get('production')).adapter.name).toBe('mine')

    await explainWith(page, 'film-second', 'A joy from start to finish.')
    expect(faults).toEqual([])
    await context.close()
  }, 300_000)
})
