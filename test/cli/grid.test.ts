import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { findDataFiles } from '../../cli/sweep/data-files.ts'
import { readGrid } from '../../cli/sweep/grid.ts'
import { type Job, listJobs } from '../../cli/sweep/jobs.ts'
import type { ErrorCode } from '../../core/catalogue.ts'
import { packageRoot } from '../../core/entry.ts'
import { publishedGrid } from '../../platform/offline/published-methods.ts'
import { expectError, freshPath } from '../checkpoint/helpers.ts'

const rows = [
  { name: 'LoRA 4', rank: 4 },
  { name: 'a prompt', method: 'soft-prompt', tokens: 3, published: 87.1, published_source: 'a paper' },
]

function writeGrid(fields: object, name = 'film reviews.yaml'): string {
  const path = freshPath(name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, stringify({ data: 'reviews', rows, ...fields }))
  return path
}

const inputs = {
  base: { id: 'base-id', fingerprint: 'f'.repeat(64) },
  train: { id: 'train-id', digest: 'a'.repeat(64) },
  test: { id: 'test-id', digest: 'b'.repeat(64) },
} as Parameters<typeof listJobs>[1]

const jobsOf = async (fields: object): Promise<Job[]> => listJobs(await readGrid(writeGrid(fields)), inputs)

test('a grid has three seeds and the name of its file by default, and paths relative to its folder', async () => {
  const path = writeGrid({ test: '../test.jsonl' })
  const grid = await readGrid(path)
  expect(grid).toMatchObject({ name: 'film-reviews', seeds: [0, 1, 2], tfidf: true, claims: [] })
  expect(grid.data).toBe(join(dirname(path), 'reviews'))
  expect(grid.test).toBe(join(dirname(path), '../test.jsonl'))
  expect(grid.rows[1]).toMatchObject({ published: 87.1, published_source: 'a paper' })
})

test('each row is trained for each seed, all rows of a seed before the next seed', async () => {
  const jobs = await jobsOf({ seeds: [4, 7] })
  expect(jobs.map(({ name }) => name.replace(/-[0-9a-f]{10}$/, ''))).toEqual([
    'film-reviews-lora-4-s4',
    'film-reviews-a-prompt-s4',
    'film-reviews-lora-4-s7',
    'film-reviews-a-prompt-s7',
  ])
  expect(jobs[3].request).toEqual({
    name: jobs[3].name,
    base: 'base-id',
    dataset: 'train-id',
    test_dataset: 'test-id',
    method: 'soft-prompt',
    tokens: 3,
    seed: 7,
  })
})

test('the name of a training depends on what determines its bytes, and on nothing else', async () => {
  const nameOf = async (fields: object) => (await jobsOf(fields))[0].name
  const name = await nameOf({})
  for (const same of [
    {},
    { seeds: 1, tfidf: false },
    { defaults: { threads: 1 } },
    { rows: [{ name: 'LoRA 4', method: 'lora', rank: 4, alpha: 16, published: 90 }] },
  ])
    expect(await nameOf(same), JSON.stringify(same)).toBe(name)
  for (const other of [{ seeds: [1] }, { defaults: { epochs: 2 } }, { rows: [{ name: 'LoRA 4', rank: 4, alpha: 8 }] }])
    expect(await nameOf(other), JSON.stringify(other)).not.toBe(name)
  const grid = await readGrid(writeGrid({}))
  const changed = { ...inputs, test: { ...inputs.test, digest: 'c'.repeat(64) } }
  expect(listJobs(grid, changed)[0].name).not.toBe(name)
})

test('a default of a method applies only to rows of that method, and a row replaces a default', async () => {
  const { rows: read } = await readGrid(
    writeGrid({
      defaults: { epochs: 2, rank: 8, tokens: 5 },
      rows: [...rows, { name: 'LoRA 8' }, { name: 'short', steps: 3 }],
    }),
  )
  expect(read.map(({ settings }) => settings)).toEqual([
    { method: 'lora', epochs: 2, rank: 4 },
    { method: 'soft-prompt', epochs: 2, tokens: 3 },
    { method: 'lora', epochs: 2, rank: 8 },
    { method: 'lora', rank: 8, steps: 3 },
  ])
})

test('rows with equal settings share their trainings', async () => {
  const jobs = await jobsOf({ seeds: 1, rows: [...rows, { name: 'the same', method: 'lora', rank: 4 }] })
  expect(jobs.map(({ row }) => row.name)).toEqual(['LoRA 4', 'a prompt'])
})

test.each<[object, ErrorCode, ...string[]]>([
  [{ sedes: 3 }, 'usage', 'only name, data, test', '"sedes"'],
  [{ seeds: 0 }, 'usage', 'seeds', 'from 1 to 100'],
  [{ seeds: [1, 1] }, 'usage', 'seeds', 'different seeds'],
  [{ rows: [] }, 'usage', 'rows', 'at least one row'],
  [{ rows: [{ rank: 4 }] }, 'usage', 'rows[0].name', 'a name'],
  [{ rows: [{ name: 'a' }, { name: 'a' }] }, 'usage', 'rows[1].name', 'rows[0]'],
  [{ rows: [{ name: 'a', rnak: 4 }] }, 'usage', 'rows[0].rnak', 'Did you mean rank?'],
  [{ rows: [{ name: 'a', seed: 4 }] }, 'usage', 'rows[0].seed', 'Set seeds'],
  [{ rows: [{ name: 'a', data: 'x' }] }, 'usage', 'rows[0].data', 'for the whole grid'],
  [{ rows: [{ name: 'a', method: 'lore' }] }, 'method_invalid', 'rows[0] (a), method', 'lora, bottleneck', '"lore"'],
  [{ rows: [{ name: 'a', bottleneck: 8 }] }, 'method_invalid', 'rows[0] (a), lora, bottleneck', 'only rank'],
  [{ rows: [{ name: 'a', rank: 'big' }] }, 'method_invalid', 'rows[0] (a), lora, rank', '"big"'],
  [{ rows: [{ name: 'a', epochs: -1 }] }, 'usage', 'rows[0] (a), epochs', '-1'],
  [{ rows: [{ name: 'a', published: 901 }] }, 'usage', 'rows[0].published', 'in per cent'],
  [{ defaults: { rnak: 4 } }, 'usage', 'defaults.rnak', 'Did you mean rank?'],
  [{ claims: [{ better: 'LoRA 4', worse: 'a promt' }] }, 'usage', 'claims[0].worse', 'Did you mean a prompt?'],
  [{ claims: [{ better: 'LoRA 4' }] }, 'usage', 'claims[0].worse', 'a text'],
  [{ claims: [{ better: 'LoRA 4', worse: 'LoRA 4' }] }, 'usage', 'claims[0]', 'different settings'],
])('the grid with %j is rejected, and the error names the place', async (fields, code, ...words) => {
  const path = writeGrid(fields)
  await expectError(readGrid(path), code, path, ...words)
})

test('a file that is not a mapping, or does not exist, is an error', async () => {
  const path = writeGrid({})
  writeFileSync(path, 'rows: [')
  await expectError(readGrid(path), 'usage', path, 'not YAML')
  await expectError(readGrid(`${path}.missing`), 'file_missing', 'does not exist')
})

test('a folder stands for the files in it', async () => {
  const folder = freshPath('reviews')
  mkdirSync(folder, { recursive: true })
  const find = async (fields: Parameters<typeof findDataFiles>[0]) => findDataFiles(fields)
  await expectError(find({ data: folder }), 'file_missing', 'train.jsonl.gz')
  for (const name of ['train.csv', 'test.jsonl.gz', 'other.jsonl']) writeFileSync(join(folder, name), '')
  const [train, test] = [join(folder, 'train.csv'), join(folder, 'test.jsonl.gz')]
  expect(await find({ data: folder })).toEqual({ data: train, test })
  expect(await find({ data: train, test: folder })).toEqual({ data: train, test })
  expect(await find({ data: folder, test: train })).toEqual({ data: train, test: train })
  await expectError(find({ data: train }), 'usage', 'test is not set')
  await expectError(find({}), 'usage', 'data is not set')
  await expectError(find({ data: `${folder}/none` }), 'file_missing', 'does not exist')
})

test('the grid in docs/sweeps.md is one', async () => {
  const document = readFileSync(join(packageRoot, 'docs/sweeps.md'), 'utf8')
  const path = writeGrid({})
  writeFileSync(path, document.match(/```yaml\n(.*?)```/s)?.[1] ?? '')
  const { name, rows: read, claims } = await readGrid(path)
  expect([name, read.length, claims.length]).toEqual(['film', 3, 1])
  expect(read.map(({ settings }) => settings)).toEqual([
    { method: 'lora', epochs: 1.3, rank: 8 },
    { method: 'lora', epochs: 1.3, rank: 1 },
    { method: 'bottleneck', epochs: 1.3, bottleneck: 8 },
  ])
})

test('the published grid has the published accuracies, and seven different configurations', async () => {
  const grid = await readGrid(publishedGrid, { data: 'imdb', seeds: 1 })
  expect(grid.rows.map(({ published }) => published)).toEqual([
    90.1, 87.1, 85, 86.5, 90.5, 90.1, 89.1, 89.1, 88.5, 88.7,
  ])
  expect(grid.claims.map(({ says }) => says)).toEqual([
    'an adapter beats full fine-tuning',
    'rank 8 beats rank 1',
    '10 tokens beat 1',
  ])
  expect(listJobs(grid, inputs)).toHaveLength(7)
})
