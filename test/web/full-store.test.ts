import { sql } from 'drizzle-orm'
import type { Browser } from 'playwright-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { connectGraft } from '../../client/client.ts'
import { openStore } from '../../platform/store/open-store.ts'
import { adapters } from '../../platform/store/schema/adapters.ts'
import { comparisons } from '../../platform/store/schema/comparisons.ts'
import { datasets } from '../../platform/store/schema/datasets.ts'
import { trainingEvents } from '../../platform/store/schema/training-events.ts'
import { trainings } from '../../platform/store/schema/trainings.ts'
import { withoutChromium } from '../chromium.ts'
import { freshHome, startGraft } from '../cli/run.ts'
import { compareContestants } from '../report/sample.ts'
import { findBarriers, openBrowser, settle, visit } from './browser.ts'

const TRAININGS = 5000
const ADAPTERS = 1000
/** A page is slow from here on, also on a machine that runs other tests. It takes well under a second otherwise. */
const SLOW_MS = 5000

/** Sets a flag if any of it runs. */
const MARKUP =
  '"\'></title></textarea></script><script>hacked=1</script><img src=x onerror="hacked=2"><svg onload="hacked=3"><a href="javascript:hacked=4">x</a>'
/** The API allows 100 characters. */
const LABELS = ['negative', 'positive'].map((label) => `${label} <img src=x onerror="hacked=6"><svg onload=hacked=7>`)
const problem = {
  code: 'data_classes',
  status: 400,
  subject: MARKUP,
  title: MARKUP,
  problem: MARKUP,
  fix: MARKUP,
} as const

interface Stored {
  adapter: string
  dataset: string
  failed: string
  comparison: string
  failedComparison: string
}

/** Fills the store of a server with copies of its adapter, and with rows that are full of markup. */
async function fillStore(home: string, url: string): Promise<Stored> {
  const graft = connectGraft({ url })
  const reviews = ['A joy.', MARKUP].map((text, i) => JSON.stringify({ text, label: LABELS[i] })).join('\n')
  const dataset = await graft.datasets.upload('hostile', reviews)
  const store = await openStore({ databaseUrl: '', home })
  try {
    const { db } = store
    await db.update(datasets).set({ name: `data ${MARKUP}`.slice(0, 200), filename: MARKUP })
    const [{ id: _, ...film }] = await db.select().from(adapters)
    const copies = Array.from({ length: ADAPTERS - 2 }, (_, i) => ({
      ...film,
      name: `copy-${i}`,
      created_at: undefined,
    }))
    await db.insert(adapters).values(copies)
    const hostile = { ...film, name: MARKUP.slice(0, 200), labels: LABELS, created_at: undefined }
    const [adapter] = await db.insert(adapters).values(hostile).returning()
    // The pages show no more of it.
    const spec = { method: 'lora' } as unknown as (typeof trainings.$inferInsert)['spec']
    const common = {
      base_id: film.base_id,
      dataset_id: dataset.id,
      spec,
      started_at: new Date(),
      finished_at: new Date(),
    }
    const many = Array.from({ length: TRAININGS - 1 }, (_, i) => ({
      ...common,
      name: `run-${i}`,
      status: 'cancelled' as const,
    }))
    for (let from = 0; from < many.length; from += 1000)
      await db.insert(trainings).values(many.slice(from, from + 1000))
    const [failed] = await db
      .insert(trainings)
      .values({
        ...common,
        name: MARKUP.slice(0, 200),
        status: 'failed',
        error: problem,
        metadata: { [MARKUP]: MARKUP },
      })
      .returning()
    await db
      .insert(trainingEvents)
      .values({ training_id: failed.id, number: 1, event: { type: 'status', status: 'failed', error: problem } })
    await db.update(trainings).set({ last_event: 1 }).where(sql`id = ${failed.id}`)
    const snapshots = [adapter, adapter].map(({ id, digest }, i) => ({ id, digest, name: `${i} ${MARKUP}` }))
    const result = compareContestants(
      snapshots.map(({ name }, i) => [name, 0.8 + i / 20, 6144]),
      200,
      (row) => `${row} ${MARKUP}`,
    )
    const [comparison, failedComparison] = await db
      .insert(comparisons)
      .values([
        { adapters: snapshots, dataset_id: dataset.id, status: 'succeeded', result, finished_at: new Date() },
        { adapters: snapshots, dataset_id: dataset.id, status: 'failed', error: problem, finished_at: new Date() },
      ])
      .returning()
    return {
      adapter: adapter.id,
      dataset: dataset.id,
      failed: failed.id,
      comparison: comparison.id,
      failedComparison: failedComparison.id,
    }
  } finally {
    await store.close()
  }
}

describe.skipIf(withoutChromium !== '')(`a full store in a browser${withoutChromium}`, () => {
  const home = freshHome()
  let url: string
  let browser: Browser
  let stored: Stored

  beforeAll(async () => {
    const server = startGraft(['serve', '--port', '0', '--threads', '1', '--no-worker'], { GRAFT_HOME: home })
    await server.waitFor(/http:\S+\n/)
    url = server.stdout.trim()
    browser = await openBrowser()
    stored = await fillStore(home, url)
  }, 240_000)

  test('markup in names, labels, reviews, notes and errors is shown as text on every page, and nothing of it runs', async () => {
    const { adapter, dataset, failed, comparison, failedComparison } = stored
    const { page, faults, context } = await visit(browser, `${url}/playground?adapters=${adapter}`)
    const expectText = async (path: string) => {
      const text = await page.evaluate<string>(
        'document.body.innerText + [...document.querySelectorAll("option, svg text")].map((one) => one.textContent).join()',
      )
      expect(text, path).toContain('<img src=x')
      const elements = 'main :is(img, script, iframe, object, embed, [onload], [onerror], a[href^="javascript"])'
      expect(await page.locator(elements).count(), path).toBe(0)
      expect(await page.evaluate('typeof hacked'), path).toBe('undefined')
    }
    await page.getByLabel('Review').fill(MARKUP)
    await page.getByRole('checkbox', { name: 'Which words mattered' }).check()
    await page.getByRole('button', { name: 'Classify' }).click()
    await page.locator('.explained').waitFor()
    await expectText('/playground')
    const paths = [
      ...['/', '/trainings', '/trainings/new', `/trainings/${failed}`, `/trainings/curves?ids=${failed}`, '/data'],
      ...[`/data/${dataset}`, '/adapters', `/adapters/${adapter}`, '/compare', `/compare/${comparison}`],
      ...[`/compare/${failedComparison}`, `/trainings/${encodeURIComponent(MARKUP)}`],
    ]
    for (const path of paths) {
      await page.goto(url + path)
      await settle(page)
      await expectText(path)
    }
    await page.goto(`${url}/data/new`)
    const rows = `review,sentiment\n${[1, 2, 3].map((i) => `"${i} ${MARKUP.replaceAll('"', '""')}",<b>`).join('\n')}\n`
    await page
      .getByLabel('File of reviews')
      .setInputFiles({ name: '<img src=x onerror=hacked=5>.csv', mimeType: 'text/csv', buffer: Buffer.from(rows) })
    await page.getByRole('alert').or(page.getByText('As the server reads it')).first().waitFor()
    await expectText('/data/new')
    await page.goto(`${url}/docs`)
    expect(await page.evaluate('typeof hacked')).toBe('undefined')
    expect(faults).toEqual([])
    await context.close()
  }, 300_000)

  test(`${TRAININGS} trainings and ${ADAPTERS} adapters are listed a page at a time, without delay`, async () => {
    const { page, faults, context } = await visit(browser, `${url}/playground`)
    await settle(page)
    const requests: string[] = []
    page.on('request', (request) => requests.push(new URL(request.url()).pathname))
    const rows = page.locator('tbody tr')
    for (const [list, first, second] of [
      ['trainings', `run-${TRAININGS - 2}`, `run-${TRAININGS - 102}`],
      ['adapters', `copy-${ADAPTERS - 3}`, `copy-${ADAPTERS - 103}`],
    ]) {
      const start = performance.now()
      await page.goto(`${url}/${list}`)
      await page.getByRole('link', { name: first, exact: true }).waitFor()
      const loaded = performance.now()
      await page.getByRole('button', { name: `Show more ${list}` }).click()
      await page.getByRole('link', { name: second, exact: true }).waitFor()
      const more = performance.now()
      expect(await rows.count()).toBe(200)
      expect(requests.filter((path) => path === `/v1/${list}`)).toHaveLength(2)
      expect(loaded - start, `${list}: time to interactive`).toBeLessThan(SLOW_MS)
      expect(more - loaded, `${list}: time of the next page`).toBeLessThan(SLOW_MS)
    }
    for (const path of ['/', '/trainings/new', '/compare', '/playground']) {
      const start = performance.now()
      await page.goto(url + path)
      await settle(page)
      expect(performance.now() - start, path).toBeLessThan(SLOW_MS)
    }
    expect(faults).toEqual([])
    await context.close()
  }, 120_000)

  test(`any of ${ADAPTERS} adapters is found by its name and chosen for a comparison, with the keyboard`, async () => {
    const { page, faults, context } = await visit(browser, `${url}/compare`, { bypassCSP: true })
    const search = page.getByRole('searchbox', { name: 'Find an adapter by name' })
    await search.focus()
    // The oldest adapter, and the oldest copy: the list has them on its last page.
    await page.keyboard.type('FILM')
    await page.getByText(`1 of ${ADAPTERS.toLocaleString('en')} adapters`).waitFor()
    expect(await page.getByRole('status').allInnerTexts()).toContain(`1 of ${ADAPTERS.toLocaleString('en')} adapters`)
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Space')
    await search.fill('copy-0')
    const chosen = page.getByRole('checkbox', { checked: true })
    await page.getByRole('checkbox', { name: /copy-0/ }).waitFor()
    expect(await page.getByRole('checkbox').count()).toBe(2)
    expect(await chosen.count()).toBe(1)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Space')
    expect(await chosen.count()).toBe(2)
    await search.fill('nothing has this name')
    await page.getByText(`0 of ${ADAPTERS.toLocaleString('en')} adapters`).waitFor()
    expect(await findBarriers(page)).toEqual([])
    await page.getByRole('button', { name: 'Compare' }).focus()
    const request = page.waitForRequest((sent) => sent.method() === 'POST')
    await page.keyboard.press('Enter')
    const graft = connectGraft({ url })
    const ids = await Promise.all(['film', 'copy-0'].map(async (name) => (await graft.adapters.get(name)).id))
    expect((await request).postDataJSON()).toMatchObject({ adapters: ids })
    expect(faults).toEqual([])
    await context.close()
  }, 120_000)

  test(`the playground opens with the adapters of its address and finds any of ${ADAPTERS} others`, async () => {
    const { page, faults, context } = await visit(browser, `${url}/playground?adapters=film,film`)
    await page.getByRole('checkbox', { name: /film/, checked: true }).waitFor()
    await page.getByRole('searchbox', { name: 'Find an adapter by name' }).fill('copy-0')
    await page.getByRole('checkbox', { name: /^copy-0 / }).check()
    await page.getByLabel('Review').fill('A joy from start to finish.')
    await page.getByRole('button', { name: 'Classify' }).click()
    await page.locator('.prediction').nth(1).waitFor()
    expect(await page.locator('.prediction h2').allInnerTexts()).toEqual(['film', 'copy-0'])
    expect(await page.locator('.prediction .verdict').allInnerTexts()).toEqual([
      expect.stringContaining('positive'),
      expect.stringContaining('positive'),
    ])
    expect(faults).toEqual([])
    await context.close()
  }, 120_000)
})
