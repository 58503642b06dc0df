import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { type Dataset, datasetCheck } from '../../platform/schemas/datasets.ts'
import { readProblem, start } from './start.ts'
import { withFiles } from './with-files.ts'

const JSON_LINES = Array.from({ length: 20 }, (_, i) => JSON.stringify({ text: `Film ${i}.`, label: i % 2 === 0 }))

interface Case {
  what: string
  content: string | Uint8Array<ArrayBuffer>
  /** Fields of the query, or of a form. */
  query?: Record<string, string>
  dataset?: object
  problem?: object
}

const labels = { good: 1, bad: 1 }
const cases: readonly Case[] = [
  {
    what: 'columns with usual names',
    content: 'review,sentiment\r\n"Fine.<br />Yes.",good\r\nDull.,bad\r\n',
    dataset: { format: 'csv', rows: 2, labels, columns: { text: 'review', label: 'sentiment' }, encoding: 'utf-8' },
  },
  {
    what: 'columns by name',
    content: 'words,verdict\nFine.,good\nDull.,bad\n',
    query: { text_column: 'words', label_column: 'verdict' },
    dataset: { rows: 2, labels, columns: { text: 'words', label: 'verdict' } },
  },
  {
    what: 'columns by number, in gzip',
    content: new Uint8Array(gzipSync('good,Fine.\nbad,Dull.\n')),
    query: { text_column: '2', label_column: '1' },
    dataset: { rows: 2, labels, columns: { text: '2', label: '1' } },
  },
  {
    what: 'columns by path',
    content: '[{"a":{"text":"Fine."},"label":"good"},{"a":{"text":"Dull."},"label":"bad"}]',
    query: { text_column: 'a.text' },
    dataset: { format: 'json', rows: 2, labels, columns: { text: 'a.text', label: 'label' } },
  },
  {
    what: 'columns that are not known',
    content: 'words,verdict\nFine.,good\n',
    problem: { code: 'data_format', detail: expect.stringContaining('1 "words", 2 "verdict"') },
  },
  {
    what: 'the format of fastText in UTF-16',
    content: new Uint8Array(Buffer.from('\ufeff__label__good Fine.\n__label__bad Dull.\n', 'utf16le')),
    dataset: { format: 'fasttext', rows: 2, labels, encoding: 'utf-16le' },
  },
  {
    what: 'Windows-1252',
    content: new Uint8Array(Buffer.from('text;label\nCaf\xe9;good\nDull.;bad\n', 'latin1')),
    dataset: { rows: 2, labels, encoding: 'windows-1252' },
  },
  {
    what: 'bad rows',
    content: `${JSON_LINES.join('\n')}\n{"text":"","label":true}\n`,
    problem: { code: 'data_line', detail: expect.stringMatching(/line 21: .*an empty text/) },
  },
  {
    what: 'bad rows that are skipped',
    content: `${JSON_LINES.join('\n')}\n{"text":"","label":true}\n`,
    query: { skip_bad: 'true' },
    dataset: {
      rows: 20,
      labels: { true: 10, false: 10 },
      skipped: { rows: 1, reasons: [{ reason: 'an empty text', rows: 1, lines: [21] }] },
    },
  },
  {
    what: 'many bad rows that are skipped',
    content: `${JSON_LINES.join('\n')}${'\n{"review":"x"}'.repeat(10)}`,
    query: { skip_bad: 'true' },
    problem: { code: 'data_skipped', status: 422, detail: expect.stringContaining('10 of 30 rows') },
  },
  {
    what: 'many bad rows that may be skipped',
    content: `${JSON_LINES.join('\n')}${'\n{"review":"x"}'.repeat(10)}`,
    query: { skip_bad: 'true', max_skipped: '0.5' },
    dataset: { rows: 20, skipped: { rows: 10 } },
  },
  {
    what: 'a share that is not one',
    content: JSON_LINES.join('\n'),
    query: { max_skipped: '3' },
    problem: { code: 'body_invalid', detail: expect.stringContaining('max_skipped') },
  },
]

test('an upload is read as its fields say, and the data set says how', async () => {
  const { url } = await start({ platformParts: await withFiles() })
  for (const [i, { what, content, query, dataset, problem }] of cases.entries()) {
    const search = new URLSearchParams({ name: `films-${i}`, ...query })
    const headers = { 'content-type': 'application/octet-stream' }
    const response = await fetch(`${url}/v1/datasets?${search}`, { method: 'POST', headers, body: content })
    if (problem) expect(await readProblem(response), what).toMatchObject(problem)
    else {
      const created = (await response.json()) as Dataset
      expect(created, what).toMatchObject(dataset ?? {})
      expect(await (await fetch(`${url}/v1/datasets/films-${i}`)).json(), what).toEqual(created)
    }
  }
})

test('a dry run returns what a file contains or its first bad line, and stores nothing', async () => {
  const { url } = await start({ platformParts: await withFiles() })
  const [first] = cases.filter(({ dataset }) => dataset)
  const [bad] = cases.filter(({ problem }) => problem)
  for (const { what, content, query, dataset, problem } of [first, bad]) {
    const search = new URLSearchParams({ name: 'only-checked', dry_run: 'true', ...query })
    const headers = { 'content-type': 'application/octet-stream' }
    const response = await fetch(`${url}/v1/datasets?${search}`, { method: 'POST', headers, body: content })
    if (problem) expect(await readProblem(response), what).toMatchObject(problem)
    else {
      const found = datasetCheck.parse(await response.json())
      expect(found, what).toMatchObject(dataset ?? {})
      expect(found.examples.length, what).toBeGreaterThan(0)
      expect(found.characters.longest, what).toBeGreaterThanOrEqual(found.characters.median)
    }
  }
  expect((await fetch(`${url}/v1/datasets/only-checked`)).status).toBe(404)
})

test("a form in OpenAI's format takes the same fields", async () => {
  const { url } = await start({ platformParts: await withFiles() })
  for (const [i, { what, content, query = {}, dataset, problem }] of cases.entries()) {
    const body = new FormData()
    for (const [name, value] of Object.entries({ purpose: 'fine-tune', ...query })) body.append(name, value)
    body.append('file', new Blob([content]), `films-${i}.txt`)
    const response = await fetch(`${url}/v1/files`, { method: 'POST', body })
    expect(response.status, what).toBe(problem ? 400 : 200)
    if (!dataset) continue
    const { data } = (await (await fetch(`${url}/v1/datasets?limit=1`)).json()) as { data: Dataset[] }
    expect(data[0], what).toMatchObject(dataset)
  }
})

test('a training does not say how its data are read, because the data set does', async () => {
  const { url } = await start({ platformParts: await withFiles() })
  for (const field of [{ skip_bad: true }, { text_column: 'review' }]) {
    const body = JSON.stringify({ dataset: 'films', ...field })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url}/v1/trainings`, { method: 'POST', headers, body })
    expect(await readProblem(response)).toMatchObject({ code: 'body_invalid' })
  }
})
