import { expect, test } from 'vitest'
import { comparison, comparisonList } from '../../platform/schemas/comparisons.ts'
import { problemFrom, start } from './start.ts'
import { withFiles } from './with-files.ts'

test('a comparison is asked for once for a key, shown, and listed; what is wrong with a request is named', async () => {
  const { url } = await start({ adapters: ['one', 'other', 'third'], more: await withFiles() })
  const send = (path: string, body: string, headers = {}) =>
    fetch(`${url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })
  const data = '{"text": "good", "label": "positive"}\n{"text": "bad", "label": "negative"}'
  expect((await send('/v1/datasets?name=films', data, { 'content-type': 'application/jsonl' })).status).toBe(201)
  const strange = '{"text": "meh", "label": "lukewarm"}'
  expect((await send('/v1/datasets?name=meh', strange, { 'content-type': 'application/jsonl' })).status).toBe(201)

  const ask = (body: object, key?: string) =>
    send('/v1/comparisons', JSON.stringify(body), key && { 'idempotency-key': key })
  const asked = { adapters: ['one', 'other', 'third'], dataset: 'films' }
  const first = await ask(asked, 'a')
  const made = comparison.parse(await first.json())
  expect([first.status, first.headers.get('location')]).toEqual([201, `/v1/comparisons/${made.id}`])
  expect(made).toMatchObject({ status: 'queued', adapters: asked.adapters.map((name) => ({ name })) })
  expect(await (await ask(asked, 'a')).json()).toEqual(made)
  expect(await (await fetch(`${url}/v1/comparisons/${made.id}`)).json()).toEqual(made)
  expect(comparisonList.parse(await (await fetch(`${url}/v1/comparisons`)).json()).data).toEqual([made])

  for (const [body, problem] of [
    [
      { ...asked, adapters: ['one'] },
      { code: 'body_invalid', subject: 'adapters', expected: 'two adapters at least' },
    ],
    [
      { ...asked, adapters: ['one', 'one'] },
      { code: 'body_invalid', subject: 'adapters[1]' },
    ],
    [
      { ...asked, adapters: Array(9).fill('one') },
      { code: 'body_invalid', expected: 'at most 8 adapters' },
    ],
    [{ adapters: asked.adapters }, { code: 'body_invalid', subject: 'dataset' }],
    [{ ...asked, adapters: ['one', 'nobody'] }, { code: 'adapter_unknown' }],
    [{ ...asked, dataset: 'nothing' }, { code: 'dataset_unknown' }],
    [
      { ...asked, dataset: 'meh' },
      { code: 'data_label', subject: 'the data set meh' },
    ],
  ] as const)
    expect(await problemFrom(await ask(body))).toMatchObject(problem)
  expect(await problemFrom(await fetch(`${url}/v1/comparisons/x`))).toMatchObject({ code: 'comparison_unknown' })
})
