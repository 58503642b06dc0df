import type { Page } from 'playwright-core'
import { expect } from 'vitest'

/** A file as a user would choose it. */
type ChosenFile = { name: string; mimeType: string; buffer: Buffer }

/** The steps of a user, from a file of reviews to an explanation, by clicks only. */

/** Goes from any page to a section by the navigation. */
async function open(page: Page, section: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Sections' }).getByRole('link', { name: section, exact: true }).click()
}

/** Chooses a file of reviews, and waits until the server has read it. */
export async function chooseData(page: Page, file: ChosenFile): Promise<void> {
  await open(page, 'Data')
  await page.getByRole('link', { name: 'Add data' }).click()
  await page.getByLabel('File of reviews').setInputFiles(file)
  await page.getByText('As the server reads it').waitFor()
}

/** Stores the chosen file, under another name if one is given. */
export async function storeData(page: Page, name?: string): Promise<void> {
  const field = page.getByLabel('Name of the data set')
  if (name !== undefined) await field.fill(name)
  const title = await field.inputValue()
  await page.getByRole('button', { name: 'Store it' }).click()
  await page.getByRole('heading', { name: title }).waitFor()
}

/** Fills the form of a training on the data set that is open. */
export async function fillTraining(page: Page, settings: Readonly<Record<string, string>>): Promise<void> {
  await page.getByRole('link', { name: 'Train on it' }).click()
  for (const [label, value] of Object.entries(settings)) await page.getByLabel(label).fill(value)
}

/** Launches the training in the form. */
export async function launch(page: Page, name: string): Promise<void> {
  await page.getByLabel('Name of the adapter').fill(name)
  await page.getByRole('button', { name: 'Launch' }).click()
  await page.getByRole('heading', { name }).waitFor()
}

/** Watches the training that is open live to its end. */
export async function watchToEnd(page: Page): Promise<void> {
  await page.locator('main .status.succeeded').waitFor()
  await page.getByRole('img', { name: /^Loss\. loss: from \d\.\d+ at step 1 to/ }).waitFor()
  expect(await page.locator('.plot .uplot').count()).toBe(await page.locator('.plot').count())
}

/**
 * Compares two adapters, and waits for the verdict.
 * @param reviews the label of the data set in the form
 */
export async function compareTwo(page: Page, [first, second]: readonly string[], reviews: string): Promise<void> {
  await open(page, 'Compare')
  const start = page.getByRole('button', { name: 'Compare' })
  await page.getByRole('checkbox', { name: new RegExp(`^${first} `) }).click()
  expect(await start.isDisabled()).toBe(true)
  await page.getByRole('checkbox', { name: new RegExp(`^${second} `) }).click()
  await page.getByLabel('Reviews').selectOption({ label: reviews })
  await start.click()
  await page.getByRole('heading', { name: `Comparison of ${first} and ${second}` }).waitFor()
  await page.getByRole('heading', { name: 'Verdict' }).waitFor()
}

/** Points a new alias to an adapter. */
export async function promoteTo(page: Page, alias: string, adapter: string): Promise<void> {
  await open(page, 'Adapters')
  await page.getByRole('link', { name: adapter, exact: true }).click()
  await page.getByLabel('Alias').fill(alias)
  await page.getByRole('button', { name: 'Promote' }).click()
  await page.getByText(`${alias} points to ${adapter} now.`).waitFor()
}

/** Lets the adapter that is open and another one classify a review and explain it. */
export async function explainWith(page: Page, other: string, review: string): Promise<void> {
  await page.getByRole('link', { name: 'Try it' }).click()
  await page.getByRole('checkbox', { name: new RegExp(`^${other} `) }).check()
  await page.getByRole('checkbox', { name: 'Which words mattered' }).check()
  await page.getByLabel('Review').fill(review)
  await page.getByRole('button', { name: 'Classify' }).click()
  await page.locator('.explained').nth(1).waitFor()
  expect(await page.locator('.explained .text').first().innerText()).toBe(review)
  const marked = async (mark: string) => new Set(await page.locator(`.legend .${mark}`).allInnerTexts())
  expect([await marked('first'), await marked('second')]).toEqual([
    new Set(['for negative']),
    new Set(['for positive']),
  ])
  expect(await page.locator('.explained .text .word').count()).toBeGreaterThan(0)
}
