import { expect, test } from 'vitest'
import { alias, aliasMoveList } from '../../platform/schemas/aliases.ts'
import { selectAdapter } from '../../platform/store/adapters.ts'
import { insertComparison } from '../../platform/store/comparisons.ts'
import { insertDataset } from '../../platform/store/datasets.ts'
import { updateShortWork } from '../../platform/store/short-work.ts'
import type { Access } from '../../platform/use-cases/access.ts'
import { compare } from '../../training/comparison/compare.ts'
import { digestOf, type FakePlatform } from '../platform/fake-platform.ts'
import { post, readProblem, start } from './start.ts'

/** Keys whose scope is that of their name. */
const access: Access = {
  hasKeys: async () => true,
  verify: async (secret) => ({
    owner: '01a20b4e-7a28-76b8-8111-2c0920c95bfa',
    scopes: [secret === 'graft_admin' ? 'admin' : 'train'],
  }),
}

const requestInit = (method: string, body?: unknown, key?: string): RequestInit => ({
  method,
  headers: {
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(key && { authorization: `Bearer ${key}` }),
  },
  body: body === undefined ? undefined : JSON.stringify(body),
})

const addDataset = ({ store }: FakePlatform, name: string) =>
  insertDataset(store.db, {
    name,
    digest: digestOf(name),
    bytes: 1,
    format: 'jsonl',
    rows: 1,
    labels: { bad: 1, good: 1 },
    duplicates: 0,
  })

/**
 * Inserts a finished comparison of two adapters, with the number of reviews that only the second, only the first, or
 * both get right.
 */
async function addComparison(
  { store: { db } }: FakePlatform,
  names: readonly [string, string],
  dataset_id: string,
  { wins, losses, ties }: { wins: number; losses: number; ties: number },
): Promise<string> {
  const rows = await Promise.all(names.map((name) => selectAdapter(db, name)))
  const adapters = rows.map(({ id, name, digest }) => ({ id, name, digest }))
  const { id } = await insertComparison(db, { adapters, dataset_id })
  const answer = (isRight: boolean) => ({
    label: 1,
    probabilities: isRight ? [0.2, 0.8] : [0.8, 0.2],
    tokens: 3,
    truncated: false,
  })
  const n = wins + losses + ties
  const reviews = Array.from({ length: n }, (_, i) => ({ id: `${i}`, text: 'fine', label: 'good', tokens: 3 }))
  const labels = ['bad', 'good']
  const result = compare(reviews, [
    { name: rows[0].name, labels, predictions: reviews.map((_, i) => answer(i >= wins)) },
    { name: rows[1].name, labels, predictions: reviews.map((_, i) => answer(i < wins || i >= wins + losses)) },
  ])
  await updateShortWork(db, 'comparison', id, { status: 'succeeded', result })
  return id
}

test('an alias can be created, used as an adapter, moved and deleted, and each move is recorded', async () => {
  const { url } = await start({ adapters: ['one', 'other'] })
  const production = `${url}/v1/aliases/production`
  const created = await fetch(production, requestInit('PUT', { adapter: 'one' }))
  expect(created.status).toBe(200)
  expect(alias.parse(await created.json())).toMatchObject({ name: 'production', adapter: { name: 'one' } })
  const answer = await post(url, { inputs: ['good'], adapter: 'production' })
  expect(answer.headers.get('x-graft-adapter')).toBe('one')
  await fetch(production, requestInit('PUT', { adapter: 'other' }))
  // Repeating a move does not record it again.
  await fetch(production, requestInit('PUT', { adapter: 'other' }))
  expect(await (await post(url, { inputs: ['good'], adapter: 'production' })).json()).toMatchObject({
    adapter: 'other',
  })
  const { data } = aliasMoveList.parse(await (await fetch(`${production}/moves`)).json())
  expect(data.map(({ from, to }) => [from?.name, to?.name])).toEqual([
    ['one', 'other'],
    [undefined, 'one'],
  ])
  expect(await readProblem(await fetch(`${url}/v1/adapters/other`, requestInit('DELETE')))).toMatchObject({
    code: 'in_use',
  })
  expect((await fetch(production, requestInit('DELETE'))).status).toBe(204)
  expect(await readProblem(await fetch(production))).toMatchObject({ code: 'alias_unknown' })
  expect(await readProblem(await post(url, { inputs: ['good'], adapter: 'production' }))).toMatchObject({
    code: 'adapter_unknown',
  })
})

test('a guarded alias moves only with a comparison that rules out that the new adapter is worse', async () => {
  const { url, platform } = await start({ adapters: ['one', 'other', 'third'] })
  const { id: dataset } = await addDataset(platform, 'guarded')
  const { id: elsewhere } = await addDataset(platform, 'elsewhere')
  const move = (body: object) => fetch(`${url}/v1/aliases/guarded`, requestInit('PUT', body))
  await move({ adapter: 'one', guard: { dataset: 'guarded' } })

  const pair = ['one', 'other'] as const
  const few = { wins: 10, losses: 10, ties: 80 }
  const many = { wins: 100, losses: 90, ties: 9_810 }
  for (const [comparison, found] of [
    [undefined, 'no comparison'],
    [await addComparison(platform, pair, elsewhere, many), `a comparison on the data set ${elsewhere}`],
    [await addComparison(platform, ['one', 'third'], dataset, many), 'a comparison of one and third'],
    [
      await addComparison(platform, pair, dataset, few),
      /^a difference of 0 points, 95 % interval -\d.* to \+\d.*, on 100 reviews$/,
    ],
    [
      await addComparison(platform, pair, dataset, { wins: 10, losses: 400, ties: 4_590 }),
      /^a difference of -7\.8 points/,
    ],
    [
      (
        await insertComparison(platform.store.db, {
          adapters: await adaptersNamed(platform, pair),
          dataset_id: dataset,
        })
      ).id,
      'a comparison that is queued',
    ],
  ] as const) {
    const problem = await readProblem(await move({ adapter: 'other', comparison }))
    expect(problem).toMatchObject({ code: 'promotion_refused', status: 409, found: expect.stringMatching(found) })
  }
  const comparison = await addComparison(platform, pair, dataset, many)
  expect(await (await move({ adapter: 'other', comparison })).json()).toMatchObject({
    adapter: { name: 'other' },
    guard: { margin: 0.01, dataset },
  })
  // The same comparison also allows the move back.
  expect((await move({ adapter: 'one', comparison })).status).toBe(200)
  const { data } = aliasMoveList.parse(await (await fetch(`${url}/v1/aliases/guarded/moves`)).json())
  expect(data.map(({ comparison, forced }) => [comparison, forced])).toEqual([
    [comparison, false],
    [comparison, false],
    [undefined, false],
  ])
})

test('a comparison given for an unguarded alias must still support the move', async () => {
  const { url, platform } = await start({ adapters: ['one', 'other'] })
  const { id: dataset } = await addDataset(platform, 'named')
  const move = (body: object) => fetch(`${url}/v1/aliases/free`, requestInit('PUT', body))
  await move({ adapter: 'one' })
  const worse = await addComparison(platform, ['one', 'other'], dataset, { wins: 0, losses: 500, ties: 500 })
  expect(await readProblem(await move({ adapter: 'other', comparison: worse }))).toMatchObject({
    code: 'promotion_refused',
  })
  expect((await move({ adapter: 'other' })).status).toBe(200)
})

test('only an admin can remove or bypass a guard, and the moves record it', async () => {
  const { url } = await start({ adapters: ['one', 'other'], access, appOptions: { access } })
  const guarded = `${url}/v1/aliases/watched`
  const move = (body: object, key = 'graft_train') => fetch(guarded, requestInit('PUT', body, key))
  expect((await move({ adapter: 'one', guard: { margin: 0.02 } })).status).toBe(200)
  for (const body of [
    { adapter: 'other', force: true },
    { adapter: 'one', guard: null },
    { adapter: 'one', guard: { margin: 1 } },
  ])
    expect(await readProblem(await move(body))).toMatchObject({ code: 'scope_missing' })
  expect(await readProblem(await fetch(guarded, requestInit('DELETE', undefined, 'graft_train')))).toMatchObject({
    code: 'scope_missing',
  })
  expect((await move({ adapter: 'other', force: true }, 'graft_admin')).status).toBe(200)
  expect((await move({ adapter: 'other', guard: null }, 'graft_admin')).status).toBe(200)
  const moves = await fetch(`${guarded}/moves`, requestInit('GET', undefined, 'graft_train'))
  const { data } = aliasMoveList.parse(await moves.json())
  expect(data.map(({ forced, guard, key }) => [forced, guard?.margin, key !== undefined])).toEqual([
    [false, undefined, true],
    [true, 0.02, true],
    [false, 0.02, true],
  ])
})

test('an invalid move names what is wrong with it', async () => {
  const { url } = await start({ adapters: ['one'] })
  for (const [name, body, problem] of [
    ['x', {}, { code: 'body_invalid', subject: 'adapter' }],
    ['x', { adapter: 'nobody' }, { code: 'adapter_unknown' }],
    ['x', { adapter: 'one', guard: { margin: 2 } }, { code: 'body_invalid', subject: 'guard.margin' }],
    ['x', { adapter: 'one', guard: { dataset: 'none' } }, { code: 'dataset_unknown', subject: 'guard.dataset' }],
    ['a name', { adapter: 'one' }, { code: 'body_invalid', subject: 'the name of the alias' }],
    ['one', { adapter: 'one' }, { code: 'name_taken' }],
  ] as const) {
    const response = await fetch(`${url}/v1/aliases/${encodeURIComponent(name)}`, requestInit('PUT', body))
    expect(await readProblem(response)).toMatchObject(problem)
  }
})

async function adaptersNamed({ store }: FakePlatform, names: readonly string[]) {
  const rows = await Promise.all(names.map((name) => selectAdapter(store.db, name)))
  return rows.map(({ id, name, digest }) => ({ id, name, digest }))
}
