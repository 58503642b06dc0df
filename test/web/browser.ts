import axe from 'axe-core'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterFile } from '../after-file.ts'
import { chromiumPath } from '../chromium.ts'

/** Opens Chromium for a test file. */
export async function openBrowser(): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  })
  afterFile(() => browser.close())
  return browser
}

export interface Visit {
  context: BrowserContext
  page: Page
  /** The faults of the page: errors, violations of its security policy, and requests to other hosts. */
  faults: string[]
}

/** Opens a tab at a page of a server. */
export async function visit(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext(options)
  // A machine that runs other tests as well may need a while for what otherwise takes a second.
  context.setDefaultTimeout(90_000)
  const page = await context.newPage()
  const faults: string[] = []
  page.on('console', (message) => {
    // Chromium reports each response with an error, which the pages show.
    if (['error', 'warning'].includes(message.type()) && !message.text().startsWith('Failed to load resource'))
      faults.push(message.text())
  })
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url())
    if (protocol.startsWith('http') && origin !== new URL(url).origin) faults.push(`request to ${request.url()}`)
  })
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  await page.goto(url)
  return { context, page, faults }
}

/**
 * Returns what axe-core finds wrong on a page, as the rule with the elements.
 * @param rules the names of the rules. Defaults to all of them
 */
export async function findBarriers(page: Page, rules?: readonly string[]): Promise<string[]> {
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(axe.source)
  const { violations } = await page.evaluate<{
    violations: { id: string; nodes: { target: string[]; failureSummary: string }[] }[]
  }>(`axe.run(document, ${JSON.stringify({ resultTypes: ['violations'], ...(rules && { runOnly: rules }) })})`)
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
  )
}

/** Waits until a page shows what it loads. */
export async function settle(page: Page): Promise<void> {
  await page.locator('main:not(:has(.loading)) :is(h1, .problem)').first().waitFor()
}
