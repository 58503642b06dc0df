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
