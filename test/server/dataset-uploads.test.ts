import { request } from 'node:http'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { uuidv7 } from '../../core/uuid.ts'
import { childrenOf, waitUntil } from '../platform/worker/wait-until.ts'
import { readProblem, start } from './start.ts'
import { withFiles } from './with-files.ts'

const readers = () => childrenOf('training/data/child')
const LINE = '{"text": "a good film", "label": "positive"}\n'

const upload = (url: string, body: string | Uint8Array<ArrayBuffer>) =>
  fetch(`${url}/v1/datasets?name=refused`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body,
  })

async function startWithFiles() {
  const files = await withFiles()
  const { url } = await start({ platformParts: files })
  const listArtifacts = () => Array.fromAsync(files.artifacts.list())
  return { url, listArtifacts }
}

const form = (fields: Readonly<Record<string, string>>, content: string): FormData => {
  const body = new FormData()
  for (const [name, value] of Object.entries(fields)) body.append(name, value)
  body.append('file', new Blob([content]), 'films.jsonl')
  return body
}

test('nothing is stored of a file that is refused', async () => {
  const { url, listArtifacts } = await startWithFiles()
  const bomb = new Uint8Array(gzipSync(LINE.repeat(2_500_000)))
  expect(await readProblem(await upload(url, bomb))).toMatchObject({ code: 'data_too_large', status: 413 })
  expect(await readProblem(await upload(url, `${LINE}{"text": "secret"}`))).toMatchObject({
    code: 'data_line',
    detail: 'refused, line 2: expected a label of 1 to 100 printable characters, but found no label.',
  })
  const sendForm = (body: FormData) => fetch(`${url}/v1/files`, { method: 'POST', body })
  expect((await sendForm(form({}, LINE))).status).toBe(400)
  expect((await sendForm(form({ purpose: 'fine-tune', ['__proto__']: 'x' }, LINE))).status).toBe(400)
  expect((await sendForm(form({ purpose: 'fine-tune' }, 'no'))).status).toBe(400)
  expect(await listArtifacts()).toEqual([])
  expect((await sendForm(form({ purpose: 'fine-tune' }, LINE))).status).toBe(200)
  expect(await listArtifacts()).toHaveLength(1)
})

test('the reading of a file stops when its client leaves', async () => {
  const { url, listArtifacts } = await startWithFiles()
  const sending = request(`${url}/v1/datasets?name=left`, { method: 'POST' })
  sending.on('error', () => {})
  sending.end(LINE.repeat(200_000))
  await waitUntil(
    async () => readers(),
    (pids) => pids.length === 1,
  )
  sending.destroy()
  await waitUntil(
    async () => readers(),
    (pids) => pids.length === 0,
  )
  expect(await listArtifacts()).toEqual([])
  expect((await fetch(`${url}/v1/datasets/left`)).status).toBe(404)
})

test('an upload that is repeated with the same idempotency key returns the response to the first', async () => {
  const { url } = await startWithFiles()
  const send = async (path: string, body: string | FormData, key: string) => {
    const headers: Record<string, string> = { 'idempotency-key': key }
    if (typeof body === 'string') headers['content-type'] = 'application/jsonl'
    const response = await fetch(url + path, { method: 'POST', headers, body })
    return { status: response.status, answer: (await response.json()) as { id: string; code?: string } }
  }
  const films = `${LINE}${LINE.replaceAll(/good|positive/g, 'other')}`
  const name = `keyed-${uuidv7()}`
  const key = uuidv7()
  const first = await send(`/v1/datasets?name=${name}`, films, key)
  expect(first.status).toBe(201)
  await fetch(`${url}/v1/datasets/${name}`, { method: 'DELETE' })
  expect(await send(`/v1/datasets?name=${name}`, films, key)).toEqual(first)
  expect(await send(`/v1/datasets?name=${name}`, films + LINE, key)).toMatchObject({
    status: 409,
    answer: { code: 'idempotency_conflict' },
  })

  const fileKey = uuidv7()
  const sendFile = (rows: string) => send('/v1/files', form({ purpose: 'fine-tune' }, rows), fileKey)
  const [one, two] = await Promise.all([sendFile(films), sendFile(films)])
  expect(one).toMatchObject({ status: 200, answer: { id: expect.stringMatching(/^file-/) } })
  expect(two).toEqual(one)
  expect(await sendFile(films)).toEqual(one)
  expect(await sendFile(films + LINE)).toMatchObject({
    status: 409,
    answer: { error: { code: 'idempotency_conflict' } },
  })
})

test('two uploads of the same file under the same name at the same time are one data set', async () => {
  const { url } = await startWithFiles()
  const films = `${LINE}${LINE.replaceAll(/good|positive/g, 'other')}`
  const address = `${url}/v1/datasets?name=twice-${uuidv7()}`
  const init = { method: 'POST', headers: { 'content-type': 'application/jsonl' }, body: films }
  const responses = await Promise.all([fetch(address, init), fetch(address, init)])
  expect(responses.map(({ status }) => status)).toEqual([201, 201])
  const [a, b] = await Promise.all(responses.map((response) => response.json()))
  expect(a).toEqual(b)
})
