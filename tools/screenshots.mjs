// Makes screenshots of every page, light and dark, wide and narrow: node tools/screenshots.mjs URL FOLDER. The server
// at the URL should have data, trainings, adapters and a comparison, and no keys.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { listPages, settle } from './page-list.mjs'

const [url, folder] = process.argv.slice(2)
if (!url || !folder) {
  console.error(
    'Give the address of a server and a folder: node tools/screenshots.mjs http://localhost:8080 screenshots',
  )
  process.exit(2)
}
mkdirSync(folder, { recursive: true })

const pages = Object.entries(await listPages(url))
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium' })
for (const colorScheme of ['light', 'dark'])
  for (const width of [1280, 360]) {
    const context = await browser.newContext({ colorScheme, viewport: { width, height: width > 800 ? 800 : 740 } })
    const page = await context.newPage()
    for (const [name, [path, act]] of pages) {
      await page.goto(url + path)
      await settle(page)
      await page.waitForLoadState('networkidle', { timeout: 2000 }).catch(() => {})
      await act?.(page)
      await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: true })
    }
    await context.close()
  }
await browser.close()
