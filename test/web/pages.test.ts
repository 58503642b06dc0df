import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { connectGraft } from '../../client/client.ts'
import { packageRoot } from '../../core/entry.ts'
import { withoutChromium } from '../chromium.ts'
import { freshHome, type GraftProcess, startGraft } from '../cli/run.ts'
import { readJsonLines } from '../json-lines.ts'
import { findBarriers, openBrowser, settle, visit } from './browser.ts'
import { chooseData, compareTwo, explainWith, fillTraining, launch, promoteTo, storeData, watchToEnd } from './steps.ts'

const MARKUP = '<img src=x onerror="alert(1)"><script>alert(2)</script>'

/** A file in the form of Kaggle's IMDB file. Its name and a review look like markup. */
function makeFile() {
  const reviews = readJsonLines<{ text: string; label: 'positive' | 'negative' }>(
    join(packageRoot, 'samples/train.jsonl'),
  )
  const rows = reviews.slice(0, 60).map(({ text, label }) => [`${text}<br /><br />It runs 90 minutes.`, label])
  const quote = (cell: string) => `"${cell.replaceAll('"', '""')}"`
  const lines = [['review', 'sentiment'], [MARKUP, 'positive'], ...rows].map((cells) => cells.map(quote).join(','))
  return { name: '<img src=x onerror=alert(3)>.csv', mimeType: 'text/csv', buffer: Buffer.from(lines.join('\n')) }
}

/** Fails if a text became an element. */
async function expectNoMarkup(page: Page): Promise<void> {
  expect(await page.locator('main :is(b, i, img, script)').count()).toBe(0)
}

describe.skipIf(withoutChromium)(`the pages in Chromium${withoutChromium}`, () => {
  const home = freshHome()
  let server: GraftProcess
  let url: string
  let browser: Browser

  async function serve(port: string): Promise<void> {
    server = startGraft(['serve', '--port', port, '--threads', '2'], { GRAFT_HOME: home })
    await server.waitFor(/http:\S+\n/)
    url = server.stdout.trim()
  }
  beforeAll(async () => {
    await Promise.all([
      serve('0'),
      openBrowser().then((opened) => {
        browser = opened
      }),
    ])
  })

  test('by clicks, a file is added, a training launched and watched to its end, and its adapter compared, promoted and explained', async () => {
    const { page, faults, context } = await visit(browser, url)
    await chooseData(page, makeFile())
    expect(await page.getByLabel('Column of the reviews').inputValue()).toBe('review')
    expect(await page.getByLabel('Column of the labels').inputValue()).toBe('sentiment')
    await page.getByText('Drop another one to replace it.').waitFor()
    await expectNoMarkup(page)
    expect(await page.locator('.examples').innerText()).toContain(MARKUP)
    await page.getByLabel('Column of the labels').selectOption('review')
    await page.getByRole('alert').waitFor()
    await page.getByLabel('Column of the labels').selectOption('sentiment')
    await storeData(page, 'films')
    await page.getByText('positive').first().waitFor()
    await expectNoMarkup(page)

    await fillTraining(page, { Epochs: '30', 'Max tokens': '32', 'Evaluate every': '10' })
    await page.getByLabel('Reviews to test on').selectOption({ label: 'films (61 reviews)' })
    await page.getByRole('button', { name: 'Show the plan' }).click()
    await page.getByRole('heading', { name: 'Plan' }).waitFor()
    expect(await page.locator('.findings').innerText()).toContain('61')
    await launch(page, 'watched')
    await page.getByRole('progressbar').waitFor()
    await watchToEnd(page)
    await page.getByRole('img', { name: /^Accuracy on test data\. accuracy: from [\d.]+ %/ }).waitFor()

    await compareTwo(page, ['film', 'watched'], 'films (61 reviews)')
    expect(await page.locator('.report img').count()).toBe(0)
    await promoteTo(page, 'production', 'watched')
    const graft = connectGraft({ url })
    expect((await graft.aliases.get('production')).adapter.name).toBe('watched')
    await explainWith(page, 'film', `A joy from start to finish. ${MARKUP}`)
    expect((await page.locator('.verdict').allInnerTexts()).join(' ')).toMatch(/(?:positive|negative) \d+\.\d %/)
    await expectNoMarkup(page)
    await page.goBack()
    await page.getByRole('heading', { name: 'watched' }).waitFor()
    expect(faults).toEqual([])
    await context.close()
  }, 400_000)

  test('the report of a comparison is accessible, can be filtered, and has an address', async () => {
    const graft = connectGraft({ url })
    const [{ id, verdict }] = await Array.fromAsync(graft.comparisons.list())
    const { page, faults, context } = await visit(browser, `${url}/compare`)
    await page.getByRole('link', { name: 'film, watched' }).click()
    await page.getByRole('heading', { name: 'Comparison of film and watched on 61 reviews' }).waitFor()
    expect(page.url()).toBe(`${url}/compare/${id}`)
    await page.reload()
    await page.getByRole('heading', { name: 'Verdict' }).waitFor()
    expect(await page.locator('.report .exact').innerText()).toBe(verdict)
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme })
      expect(await findBarriers(page)).toEqual([])
    }
    await page.setViewportSize({ width: 360, height: 700 })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    const { result } = await graft.comparisons.get(id)
    for (const [wrong, right] of [
      ['film', 'watched'],
      ['watched', 'film'],
    ]) {
      await page.getByLabel('Wrong').selectOption(wrong)
      await page.getByLabel('Right').selectOption(right)
      const of = (name: string) => (name === 'film' ? 0 : 1)
      const flipped = result?.flipped.filter(({ answers }) => !answers[of(wrong)].right && answers[of(right)].right)
      expect(await page.locator('.review:visible').count(), `${wrong} wrong`).toBe(flipped?.length)
    }
    expect(result?.flipped.length).toBeGreaterThan(0)
    expect(faults).toEqual([])
    await context.close()
  }, 120_000)

  test('a training is followed across a restart of the server', async () => {
    const { page, faults, context } = await visit(browser, `${url}/trainings/new`)
    await page.getByLabel('Epochs').fill('30')
    await page.getByLabel('Max tokens').fill('32')
    await page.getByLabel('Name of the adapter').fill('interrupted')
    await page.getByRole('button', { name: 'Launch' }).click()
    await page.getByText(/^\d+ of 30$/).waitFor()
    server.kill('SIGTERM')
    await page.getByText('Reconnecting').waitFor()
    await server.exited
    await serve(new URL(url).port)
    await page.getByText('Reconnecting').waitFor({ state: 'detached' })
    await page.locator('main .status.succeeded').waitFor()
    expect(await page.getByRole('img', { name: /^Loss/ }).getAttribute('aria-label')).toContain('at step 30')
    expect(faults.filter((fault) => !fault.includes('ERR_CONNECTION_REFUSED'))).toEqual([])
    await context.close()
  }, 400_000)

  test('axe-core finds nothing on any page, light or dark; no page is too wide for a phone', async () => {
    const idOf = async (list: string) =>
      ((await (await fetch(`${url}/v1/${list}`)).json()) as { data: { id: string }[] }).data[0].id
    const [training, dataset, adapter] = await Promise.all(['trainings', 'datasets', 'adapters'].map(idOf))
    const paths = [
      ...['/', '/trainings', '/trainings/new', `/trainings/${training}`, `/trainings/curves?ids=${training}`],
      ...['/data', '/data/new', `/data/${dataset}`, '/adapters', '/adapters/new', `/adapters/${adapter}`, '/compare'],
      ...[`/playground?adapters=${adapter}&text=A+joy.`, '/trainings/unknown', '/trainings/not/there'],
    ]
    const wide = { width: 1280, height: 800 }
    const { page, faults, context } = await visit(browser, url, { viewport: wide, bypassCSP: true })
    for (const path of paths) {
      await page.emulateMedia({ colorScheme: 'light' })
      await page.setViewportSize(wide)
      await page.goto(url + path)
      await settle(page)
      expect(await findBarriers(page), path).toEqual([])
      // Themes differ only in colours, and widths only in what may scroll or overlap.
      await page.emulateMedia({ colorScheme: 'dark' })
      expect(await findBarriers(page, ['color-contrast']), `${path}, dark`).toEqual([])
      await page.setViewportSize({ width: 360, height: 800 })
      const rules = ['scrollable-region-focusable', 'target-size', 'color-contrast']
      expect(await findBarriers(page, rules), `${path}, narrow`).toEqual([])
      const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
      expect(overflow, `${path} is too wide`).toBeLessThanOrEqual(0)
    }
    expect(faults).toEqual([])
    await context.close()
  }, 400_000)

  test('an adapter cannot be deleted while an alias points to it, and the error says how to fix that', async () => {
    const { page, faults, context } = await visit(browser, `${url}/adapters`)
    await page.getByRole('link', { name: 'watched' }).click()
    await page.getByRole('button', { name: 'Delete …' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Delete', exact: true }).click()
    expect(await dialog.getByRole('alert').innerText()).toContain('production')
    await dialog.getByRole('button', { name: 'Keep it' }).click()
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Download' }).click()
    expect((await download).suggestedFilename()).toBe('watched.tar')
    expect(faults).toEqual([])
    await context.close()
  })

  test('with keys, the page asks for one, keeps it in the tab, and hides what its scopes do not allow', async () => {
    const create = async (scopes: string[], key?: string) => {
      const headers = { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) }
      const response = await fetch(`${url}/v1/keys`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ name: 'test', scopes }),
      })
      return ((await response.json()) as { secret: string }).secret
    }
    const admin = await create(['admin'])
    const reader = await create(['predict'], admin)
    const { page, faults, context } = await visit(browser, `${url}/adapters`, { bypassCSP: true })
    expect(await findBarriers(page)).toEqual([])
    const enter = async (key: string) => {
      await page.getByLabel('Key').fill(key)
      await page.getByRole('button', { name: 'Continue' }).click()
    }
    await enter('graft_wrong')
    await page.getByRole('alert').waitFor()
    await enter(reader)
    await page.getByRole('link', { name: 'watched' }).waitFor()
    const sections = page.getByRole('navigation', { name: 'Sections' }).getByRole('link')
    expect(await sections.allInnerTexts()).toEqual(['Overview', 'Adapters', 'Playground'])
    await page.getByRole('link', { name: 'watched' }).click()
    await page.getByRole('link', { name: 'Try it' }).waitFor()
    expect(await page.getByRole('button', { name: 'Delete …' }).count()).toBe(0)
    await page.goto(`${url}/trainings`)
    await page.getByText('does not have the scope').waitFor()
    expect(await page.evaluate('JSON.stringify(localStorage)')).toBe('{}')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await enter(admin)
    await page.getByRole('link', { name: 'interrupted' }).waitFor()
    await page.getByRole('link', { name: 'interrupted' }).click()
    await page.getByRole('img', { name: /^Loss.*at step 30/ }).waitFor()
    expect(faults).toEqual([])
    await context.close()
  })
})
