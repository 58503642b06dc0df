import { expect, test } from 'vitest'
import { connectGraft } from '../../client/client.ts'
import { comparison, comparisonList } from '../../platform/schemas/comparisons.ts'
import { updateShortWork } from '../../platform/store/short-work.ts'
import { REPORT_POLICY, renderReportPage } from '../../report/page.ts'
import { compareContestants } from '../report/sample.ts'
import { readProblem, start } from './start.ts'
import { withFiles } from './with-files.ts'

test('a comparison is created once per idempotency key, returned and listed; errors name what is wrong with a request', async () => {
  const { url } = await start({ adapters: ['one', 'other', 'third'], platformParts: await withFiles() })
  const send = (path: string, body: string, headers = {}) =>
    fetch(`${url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })
  const data = '{"text": "good", "label": "positive"}\n{"text": "bad", "label": "negative"}'
  expect((await send('/v1/datasets?name=films', data, { 'content-type': 'application/jsonl' })).status).toBe(201)
  const otherLabel = '{"text": "meh", "label": "lukewarm"}'
  expect((await send('/v1/datasets?name=meh', otherLabel, { 'content-type': 'application/jsonl' })).status).toBe(201)

  const create = (body: object, key?: string) =>
    send('/v1/comparisons', JSON.stringify(body), key && { 'idempotency-key': key })
  const request = { adapters: ['one', 'other', 'third'], dataset: 'films' }
  const first = await create(request, 'a')
  const created = comparison.parse(await first.json())
  expect([first.status, first.headers.get('location')]).toEqual([201, `/v1/comparisons/${created.id}`])
  expect(created).toMatchObject({ status: 'queued', adapters: request.adapters.map((name) => ({ name })) })
  expect(await (await create(request, 'a')).json()).toEqual(created)
  expect(await (await fetch(`${url}/v1/comparisons/${created.id}`)).json()).toEqual(created)
  expect(comparisonList.parse(await (await fetch(`${url}/v1/comparisons`)).json()).data).toEqual([created])

  for (const [body, problem] of [
    [
      { ...request, adapters: ['one'] },
      { code: 'body_invalid', subject: 'adapters', expected: expect.stringContaining('2 to 8 adapters'), found: '1' },
    ],
    [
      { ...request, adapters: ['one', 'one'] },
      { code: 'body_invalid', subject: 'adapters[1]' },
    ],
    [
      { ...request, adapters: Array(9).fill('one') },
      { code: 'body_invalid', expected: 'at most 8 adapters' },
    ],
    [{ adapters: request.adapters }, { code: 'body_invalid', subject: 'dataset' }],
    [{ ...request, adapters: ['one', 'nobody'] }, { code: 'adapter_unknown' }],
    [{ ...request, dataset: 'nothing' }, { code: 'dataset_unknown' }],
    [
      { ...request, dataset: 'meh' },
      { code: 'data_label', subject: 'the data set meh' },
    ],
  ] as const)
    expect(await readProblem(await create(body))).toMatchObject(problem)
  expect(await readProblem(await fetch(`${url}/v1/comparisons/x`))).toMatchObject({ code: 'comparison_unknown' })
})

test('the report of a comparison is the page that graft compare writes, once it has succeeded', async () => {
  const { url, platform } = await start({ adapters: ['one', 'other'], platformParts: await withFiles() })
  const upload = { method: 'POST', headers: { 'content-type': 'application/jsonl' } }
  const body = '{"text": "good", "label": "positive"}\n{"text": "bad", "label": "negative"}'
  await fetch(`${url}/v1/datasets?name=films`, { ...upload, body })
  const request = JSON.stringify({ adapters: ['one', 'other'], dataset: 'films' })
  const json = { method: 'POST', headers: { 'content-type': 'application/json' } }
  const { id } = comparison.parse(await (await fetch(`${url}/v1/comparisons`, { ...json, body: request })).json())
  const report = `${url}/v1/comparisons/${id}/report`
  const early = await readProblem(await fetch(report))
  expect(early).toMatchObject({ code: 'comparison_unfinished', expected: 'the status succeeded', found: 'queued' })
  const result = compareContestants(
    [
      ['one', 0.7, 100],
      ['other', 0.9, 200],
    ],
    300,
  )
  await updateShortWork(platform.store.db, 'comparison', id, { status: 'succeeded', result })
  expect(comparison.parse(await (await fetch(`${url}/v1/comparisons/${id}`)).json()).result).toEqual(result)
  const response = await fetch(report)
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(response.headers.get('content-security-policy')).toBe(`${REPORT_POLICY}; frame-ancestors 'none'`)
  const page = await response.text()
  expect(page).toBe(renderReportPage(result))
  expect(await connectGraft({ url }).comparisons.report(id)).toBe(page)
  const unknown = await fetch(`${url}/v1/comparisons/x/report`)
  expect(await readProblem(unknown)).toMatchObject({ code: 'comparison_unknown' })
})
