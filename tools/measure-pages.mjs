// Measures how each page loads, with an empty cache: node tools/measure-pages.mjs URL. Prints a table in Markdown: the
// median of several loads in Chromium on this machine. Interactive is when the page shows what it loads and the last
// long task has ended.
import { chromium } from 'playwright-core'
import { listPages, settle } from './page-list.mjs'

const LOADS = 3
const [url] = process.argv.slice(2)
if (!url) {
  console.error('Give the address of a server: node tools/measure-pages.mjs http://localhost:8080')
  process.exit(2)
}

/** Runs in the page, before its own scripts. */
const observe = `
  globalThis.measured = { paint: 0, largest: 0, busy: 0 }
  const watch = (type, read) => new PerformanceObserver((list) => list.getEntries().forEach(read)).observe({ type, buffered: true })
  watch('paint', ({ name, startTime }) => { if (name === 'first-contentful-paint') measured.paint = startTime })
  watch('largest-contentful-paint', ({ startTime }) => { measured.largest = startTime })
  watch('longtask', ({ startTime, duration }) => { measured.busy = startTime + duration })
`

async function load(browser, path) {
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.addInitScript(observe)
  const network = await context.newCDPSession(page)
  await network.send('Network.enable')
  let [bytes, requests] = [0, 0]
  network.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength
    requests++
  })
  await page.goto(url + path)
  await settle(page)
  const shown = await page.evaluate('performance.now()')
  // A largest paint is reported a moment after it.
  await page.waitForTimeout(300)
  const { paint, largest, busy } = await page.evaluate('measured')
  await context.close()
  return { bytes, requests, paint, largest, interactive: Math.max(shown, busy) }
}

const medianOf = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium' })
console.log(
  '| page | kB | requests | first paint, ms | largest paint, ms | interactive, ms |\n|---|---|---|---|---|---|',
)
for (const [name, [path]] of Object.entries(await listPages(url))) {
  const loads = []
  for (let i = 0; i < LOADS; i++) loads.push(await load(browser, path))
  const median = (field) => medianOf(loads.map((one) => one[field]))
  const cells = [(median('bytes') / 1000).toFixed(0), median('requests')]
  const times = ['paint', 'largest', 'interactive'].map((field) => median(field).toFixed(0))
  console.log(`| ${[name, ...cells, ...times].join(' | ')} |`)
}
await browser.close()
