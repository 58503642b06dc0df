import { expect, test } from 'vitest'
import { insertDataset } from '../../platform/store/datasets.ts'
import { digestOf } from '../platform/fake-platform.ts'
import { connectAgent, revisions } from './agents.ts'
import { startMcp } from './start-mcp.ts'

/** Names that every object of JavaScript has as properties. */
const names = Object.getOwnPropertyNames(Object.prototype)

test.each(revisions)('list_datasets for the client of %s shows any label', async (revision) => {
  const { url, platform } = await startMcp()
  const labels = Object.fromEntries(names.map((name, i) => [name, i + 1]))
  const name = `odd-${revision}`
  const digest = digestOf(name)
  await insertDataset(platform.store.db, { name, digest, bytes: 9, format: 'csv', rows: 78, duplicates: 0, labels })
  const { call } = await connectAgent(revision, { url })
  for (const detail of ['summary', 'full']) {
    const { structuredContent, isError } = await call('list_datasets', { detail })
    expect(isError).toBeFalsy()
    const { data } = structuredContent as { data: { name: string; labels: object }[] }
    const listed = data.find((dataset) => dataset.name === name)
    expect(Object.entries(listed?.labels ?? {}).sort()).toEqual(Object.entries(labels).sort())
  }
})

test('list_datasets shows how a file was read: its columns, and the rows that were skipped if there are any', async () => {
  const { url, platform } = await startMcp()
  const reasons = [{ reason: 'is not labeled', rows: 2, lines: [3, 9] }]
  const facts = { bytes: 9, format: 'csv', rows: 78, duplicates: 0, labels: { a: 39, b: 39 } } as const
  const columns = { text: 'review', label: 'sentiment' }
  const reading = { text_column: 'review', label_column: 'sentiment' }
  await insertDataset(platform.store.db, { ...facts, name: 'whole', digest: digestOf('whole'), reading })
  const skipped = { rows: 2, reasons }
  await insertDataset(platform.store.db, { ...facts, name: 'partial', digest: digestOf('partial'), reading, skipped })
  const { call } = await connectAgent(revisions[0], { url })
  const { structuredContent } = await call('list_datasets', {})
  const { data } = structuredContent as { data: { name: string }[] }
  expect(data.find(({ name }) => name === 'partial')).toMatchObject({ columns, skipped })
  const whole = data.find(({ name }) => name === 'whole')
  expect(whole).toMatchObject({ columns })
  expect(whole).not.toHaveProperty('skipped')
})
