/**
 * Returns the pages of a server by name: their path, and what is done on them before they are looked at. The server
 * should have data, trainings, adapters and a comparison, and no keys.
 */
export async function listPages(url) {
  const firstOf = async (path) => (await (await fetch(`${url}${path}?limit=5`)).json()).data
  const [trainings, datasets, adapters, comparisons] = await Promise.all(
    ['/v1/trainings', '/v1/datasets', '/v1/adapters', '/v1/comparisons'].map(firstOf),
  )

  return {
    overview: ['/'],
    trainings: ['/trainings'],
    'training-new': ['/trainings/new'],
    curves: [`/trainings/curves?ids=${trainings.map(({ id }) => id).join(',')}`],
    training: [`/trainings/${trainings[0]?.id}`],
    data: ['/data'],
    'data-new': ['/data/new', addFile],
    'data-set': [`/data/${datasets[0]?.id}`],
    adapters: ['/adapters'],
    adapter: [`/adapters/${adapters.at(-1)?.id}`],
    compare: ['/compare'],
    playground: [`/playground?adapters=${adapters.map(({ id }) => id)}`, classify],
    'adapter-new': ['/adapters/new'],
    comparison: [`/compare/${comparisons[0]?.id}`],
    'not-found': ['/trainings/a/b'],
  }
}

/** Waits until a page shows what it loads. */
export const settle = (page) => page.locator('main:not(:has(.loading)) h1').waitFor()

async function addFile(page) {
  const rows = Array.from({ length: 40 }, (_, i) =>
    i % 3 ? `"A joy, number ${i}.",positive` : `Number ${i} is dull.,negative`,
  )
  const buffer = Buffer.from(`review,sentiment\n${rows.join('\n')}\n`)
  await page.setInputFiles('input[type=file]', { name: 'films.csv', mimeType: 'text/csv', buffer })
  await page.getByText('As the server reads it').waitFor()
}

async function classify(page) {
  await page.getByLabel('Review').fill('I expected a bore, and I could not have been more wrong.')
  await page.getByLabel('Which words mattered').check()
  await page.getByRole('button', { name: 'Classify' }).click()
  await page.locator('.explained').first().waitFor()
}
