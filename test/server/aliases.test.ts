import { expect, test } from 'vitest'
import { alias, aliasMoveList } from '../../platform/schemas/aliases.ts'
import { getAdapter } from '../../platform/store/adapters.ts'
import { createComparison } from '../../platform/store/comparisons.ts'
import { createDataset } from '../../platform/store/datasets.ts'
import { settleShortWork } from '../../platform/store/short-work.ts'
import type { Access } from '../../platform/use-cases/access.ts'
import { compare } from '../../training/comparison/compare.ts'
import { digestOf, type FakePlatform } from '../platform/fake-platform.ts'
import { post, problemFrom, start } from './start.ts'

/** Keys that say what they may. */
const access: Access = {
  hasKeys: async () => true,
  verify: async (secret) => ({
    owner: '01a20b4e-7a28-76b8-8111-2c0920c95bfa',
    scopes: [secret === 'graft_admin' ? 'admin' : 'train'],
  }),
}

const asked = (method: string, body?: unknown, key?: string): RequestInit => ({
  method,
  headers: {
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(key && { authorization: `Bearer ${key}` }),
  },
  body: body === undefined ? undefined : JSON.stringify(body),
})

const makeDataset = ({ store }: FakePlatform, name: string) =>
  createDataset(store.db, {
    name,
    digest: digestOf(name),
    bytes: 1,
    format: 'jsonl',
    rows: 1,
    labels: { bad: 1, good: 1 },
    duplicates: 0,
  })

/** A comparison of two adapters that has ended: so many reviews that the second wins and loses, and so many that both have right. */
async function compared(
  { store: { db } }: FakePlatform,
  names: readonly [string, string],
  dataset_id: string,
  { wins, losses, ties }: { wins: number; losses: number; ties: number },
): Promise<string> {
  const rows = await Promise.all(names.map((name) => getAdapter(db, name)))
  const adapters = rows.map(({ id, name, digest }) => ({ id, name, digest }))
  const { id } = await createComparison(db, { adapters, dataset_id })
  const right = (isRight: boolean) => ({
    label: 1,
    probabilities: isRight ? [0.2, 0.8] : [0.8, 0.2],
    tokens: 3,
    truncated: false,
  })
  const n = wins + losses + ties
  const reviews = Array.from({ length: n }, (_, i) => ({ id: `${i}`, text: 'fine', label: 'good', tokens: 3 }))
  const labels = ['bad', 'good']
  const result = compare(reviews, [
    { name: rows[0].name, labels, answers: reviews.map((_, i) => right(i >= wins)) },
    { name: rows[1].name, labels, answers: reviews.map((_, i) => right(i < wins || i >= wins + losses)) },
  ])
  await settleShortWork(db, 'comparison', id, { status: 'succeeded', result })
  return id
}

test('an alias is made, answers under its name, is moved, and each move is told', async () => {
  const { url } = await start({ adapters: ['one', 'other'] })
  const production = `${url}/v1/aliases/production`
  const made = await fetch(production, asked('PUT', { adapter: 'one' }))
  expect(made.status).toBe(200)
  expect(alias.parse(await made.json())).toMatchObject({ name: 'production', adapter: { name: 'one' } })
  const answer = await post(url, { inputs: ['good'], adapter: 'production' })
  expect(answer.headers.get('x-graft-adapter')).toBe('one')
  await fetch(production, asked('PUT', { adapter: 'other' }))
  // Said twice, it is done once.
  await fetch(production, asked('PUT', { adapter: 'other' }))
  expect(await (await post(url, { inputs: ['good'], adapter: 'production' })).json()).toMatchObject({
    adapter: 'other',
  })
  const { data } = aliasMoveList.parse(await (await fetch(`${production}/moves`)).json())
  expect(data.map(({ from, to }) => [from?.name, to?.name])).toEqual([
    ['one', 'other'],
    [undefined, 'one'],
  ])
  expect(await problemFrom(await fetch(`${url}/v1/adapters/other`, asked('DELETE')))).toMatchObject({ code: 'in_use' })
  expect((await fetch(production, asked('DELETE'))).status).toBe(204)
  expect(await problemFrom(await fetch(production))).toMatchObject({ code: 'alias_unknown' })
  expect(await problemFrom(await post(url, { inputs: ['good'], adapter: 'production' }))).toMatchObject({
    code: 'adapter_unknown',
  })
})

test('a guarded alias is moved only with a comparison that rules out that the new adapter is worse', async () => {
  const { url, platform } = await start({ adapters: ['one', 'other', 'third'] })
  const { id: dataset } = await makeDataset(platform, 'guarded')
  const { id: elsewhere } = await makeDataset(platform, 'elsewhere')
  const move = (body: object) => fetch(`${url}/v1/aliases/guarded`, asked('PUT', body))
  await move({ adapter: 'one', guard: { dataset: 'guarded' } })

  const pair = ['one', 'other'] as const
  const few = { wins: 10, losses: 10, ties: 80 }
  const many = { wins: 100, losses: 90, ties: 9_810 }
  for (const [comparison, found] of [
    [undefined, 'none'],
    [await compared(platform, pair, elsewhere, many), `one on the data set ${elsewhere}`],
    [await compared(platform, ['one', 'third'], dataset, many), 'one of one and third'],
    [
      await compared(platform, pair, dataset, few),
      /^a difference of 0 points, 95 % interval -\d.* to \+\d.*, on 100 reviews$/,
    ],
    [await compared(platform, pair, dataset, { wins: 10, losses: 400, ties: 4_590 }), /^a difference of -7\.8 points/],
    [
      (await createComparison(platform.store.db, { adapters: await weights(platform, pair), dataset_id: dataset })).id,
      'one that is queued',
    ],
  ] as const) {
    const problem = await problemFrom(await move({ adapter: 'other', comparison }))
    expect(problem).toMatchObject({ code: 'promotion_refused', status: 409, found: expect.stringMatching(found) })
  }
  const comparison = await compared(platform, pair, dataset, many)
  expect(await (await move({ adapter: 'other', comparison })).json()).toMatchObject({
    adapter: { name: 'other' },
    guard: { margin: 0.01, dataset },
  })
  // Back again: what the comparison says of the other direction.
  expect((await move({ adapter: 'one', comparison })).status).toBe(200)
  const { data } = aliasMoveList.parse(await (await fetch(`${url}/v1/aliases/guarded/moves`)).json())
  expect(data.map(({ comparison, forced }) => [comparison, forced])).toEqual([
    [comparison, false],
    [comparison, false],
    [undefined, false],
  ])
})

test('where nothing guards an alias, a comparison that is named must speak for the move all the same', async () => {
  const { url, platform } = await start({ adapters: ['one', 'other'] })
  const { id: dataset } = await makeDataset(platform, 'named')
  const move = (body: object) => fetch(`${url}/v1/aliases/free`, asked('PUT', body))
  await move({ adapter: 'one' })
  const worse = await compared(platform, ['one', 'other'], dataset, { wins: 0, losses: 500, ties: 500 })
  expect(await problemFrom(await move({ adapter: 'other', comparison: worse }))).toMatchObject({
    code: 'promotion_refused',
  })
  expect((await move({ adapter: 'other' })).status).toBe(200)
})

test('only an admin lifts a guard or passes it over, and the record tells so', async () => {
  const { url } = await start({ adapters: ['one', 'other'], access, app: { access } })
  const guarded = `${url}/v1/aliases/watched`
  const move = (body: object, key = 'graft_train') => fetch(guarded, asked('PUT', body, key))
  expect((await move({ adapter: 'one', guard: { margin: 0.02 } })).status).toBe(200)
  for (const body of [
    { adapter: 'other', force: true },
    { adapter: 'one', guard: null },
    { adapter: 'one', guard: { margin: 1 } },
  ])
    expect(await problemFrom(await move(body))).toMatchObject({ code: 'scope_missing' })
  expect(await problemFrom(await fetch(guarded, asked('DELETE', undefined, 'graft_train')))).toMatchObject({
    code: 'scope_missing',
  })
  expect((await move({ adapter: 'other', force: true }, 'graft_admin')).status).toBe(200)
  expect((await move({ adapter: 'other', guard: null }, 'graft_admin')).status).toBe(200)
  const moves = await fetch(`${guarded}/moves`, asked('GET', undefined, 'graft_train'))
  const { data } = aliasMoveList.parse(await moves.json())
  expect(data.map(({ forced, guard, key }) => [forced, guard?.margin, key !== undefined])).toEqual([
    [false, undefined, true],
    [true, 0.02, true],
    [false, 0.02, true],
  ])
})

test('what is wrong with a move is named', async () => {
  const { url } = await start({ adapters: ['one'] })
  for (const [name, body, problem] of [
    ['x', {}, { code: 'body_invalid', subject: 'adapter' }],
    ['x', { adapter: 'nobody' }, { code: 'adapter_unknown' }],
    ['x', { adapter: 'one', guard: { margin: 2 } }, { code: 'body_invalid', subject: 'guard.margin' }],
    ['x', { adapter: 'one', guard: { dataset: 'none' } }, { code: 'dataset_unknown', subject: 'guard.dataset' }],
    ['a name', { adapter: 'one' }, { code: 'body_invalid', subject: 'the name of the alias' }],
    ['one', { adapter: 'one' }, { code: 'name_taken' }],
  ] as const) {
    const response = await fetch(`${url}/v1/aliases/${encodeURIComponent(name)}`, asked('PUT', body))
    expect(await problemFrom(response)).toMatchObject(problem)
  }
})

async function weights({ store }: FakePlatform, names: readonly string[]) {
  const rows = await Promise.all(names.map((name) => getAdapter(store.db, name)))
  return rows.map(({ id, name, digest }) => ({ id, name, digest }))
}
