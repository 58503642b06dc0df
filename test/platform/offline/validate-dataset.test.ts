import { mkdirSync } from 'node:fs'
import { type FileHandle, open, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { validateDataset } from '../../../platform/offline/validate-dataset.ts'
import { freshPath } from '../../checkpoint/helpers.ts'
import { childrenOf, waitUntil } from '../worker/wait-until.ts'

const readers = () => childrenOf('training/data/child')

async function openFile(content: string | Uint8Array): Promise<FileHandle> {
  const path = freshPath('upload')
  mkdirSync(dirname(path), { recursive: true })
  await writeFile(path, content)
  const file = await open(path)
  onTestFinished(() => file.close())
  return file
}

const validate = async (content: string | Uint8Array, signal = new AbortController().signal) =>
  (await validateDataset((await openFile(content)).fd, { name: 'films' }, signal)).counts

const LINE = '{"text":"A fine film.","label":"positive"}\n'
/** Takes half a second to read. */
const LONG = LINE.repeat(500_000)

test('a file is counted in a child process, from its beginning and by its own name', async () => {
  const file = await openFile('text,label\nFine.,positive\nDull.,negative\nFine.,positive\n')
  await file.read(Buffer.alloc(10))
  const signal = new AbortController().signal
  const { counts, preview } = await validateDataset(file.fd, { name: 'films' }, signal)
  expect(preview).toEqual({
    characters: { shortest: 5, median: 5, p90: 5, longest: 5 },
    examples: [
      { text: 'Fine.', label: 'positive' },
      { text: 'Dull.', label: 'negative' },
      { text: 'Fine.', label: 'positive' },
    ],
  })
  expect(counts).toMatchObject({
    rows: 3,
    format: 'csv',
    duplicates: 1,
    labels: new Map([
      ['positive', 2],
      ['negative', 1],
    ]),
  })
  await expect(validate(`${LINE}no\n`)).rejects.toMatchObject({
    code: 'data_line',
    detail: { subject: 'films, line 2' },
  })
  await expect(validate('')).rejects.toMatchObject({ code: 'data_empty' })
})

describe('a file that becomes too much is refused:', () => {
  test('a compressed one', async () => {
    await expect(
      validate(gzipSync(`{"text":"${'a'.repeat(2 ** 20)}","label":"p"}\n`.repeat(80))),
    ).rejects.toMatchObject({ code: 'data_too_large' })
  })

  test('a quote that is open for many lines, before they are all read', async () => {
    const file = gzipSync(`text,label\nFine.,positive\n"${'\n'.repeat(60e6)}`)
    await expect(validate(file)).rejects.toMatchObject({
      code: 'data_line',
      detail: { subject: 'films, line 3', found: 'a quote that is not closed within 2097152 characters' },
    })
  })
})

test('two files are read at a time, and the others wait', async () => {
  const seen: number[] = []
  const timer = setInterval(() => seen.push(readers().length), 10)
  const counts = await Promise.all([LONG, LONG, LONG, LINE].map((content) => validate(content)))
  clearInterval(timer)
  expect(counts.map(({ rows }) => rows)).toEqual([500_000, 500_000, 500_000, 1])
  expect(Math.max(...seen)).toBe(2)
})

test('a client that leaves stops the reading of its file, and its wait', async () => {
  const controller = new AbortController()
  const gone = [LONG, LONG, LONG].map((content) => validate(content, controller.signal).catch(String))
  await waitUntil(
    async () => readers(),
    (pids) => pids.length === 2,
  )
  controller.abort('left')
  expect(await Promise.all(gone)).toEqual(['left', 'left', 'left'])
  expect(readers()).toEqual([])
  expect((await validate(LINE)).rows).toBe(1)
})

test('a process that dies is an error of that upload only', async () => {
  const failing = validate(LONG).catch((error) => error)
  const [pid] = await waitUntil(
    async () => readers(),
    (pids) => pids.length === 1,
  )
  process.kill(pid, 'SIGKILL')
  expect(await failing).toMatchObject({ code: 'validation_failed' })
  expect((await validate(LINE)).rows).toBe(1)
})
