import { join } from 'node:path'
import { build } from 'esbuild'
import { beforeAll, expect, expectTypeOf, test } from 'vitest'
import {
  type Adapter,
  type Client,
  connectGraft,
  type Dataset,
  GraftError,
  type Training,
} from '../../client/client.ts'
import { packageRoot } from '../../core/entry.ts'
import { claimTraining, transitionTraining } from '../../platform/store/training-transitions.ts'
import { startShared, type TestServer } from '../server/start.ts'
import { withFiles } from '../server/with-files.ts'

let server: TestServer
let graft: Client
beforeAll(async () => {
  server = await startShared({ adapters: ['film', 'imdb'], platformParts: await withFiles() })
  graft = connectGraft({ url: server.url })
})

const ROWS = 'text,label\ngood,positive\nbad,negative\n'

test('predicts with one adapter and with several, each with its own type of answer', async () => {
  const { results, adapter } = await graft.predict({ inputs: ['good', ''], adapter: 'film' })
  expect(adapter).toBe('film')
  expect(results).toMatchObject([{ label: 'positive' }, { error: { code: 'text_invalid' } }])
  const both = await graft.predict({ inputs: ['bad'], adapters: ['film', 'imdb'] })
  expect(both.adapters.map(({ adapter }) => adapter)).toEqual(['film', 'imdb'])
  expect(both.results).toMatchObject([[{ label: 'negative' }, { label: 'negative' }]])
})

test('lists, gets and removes resources', async () => {
  const adapters = await Array.fromAsync(graft.adapters.list())
  expectTypeOf(adapters).toEqualTypeOf<Adapter[]>()
  expect(adapters.map(({ name }) => name).sort()).toEqual(['film', 'imdb'])
  expect((await graft.adapters.get('film')).name).toBe('film')
  const alias = await graft.aliases.set('a-stable-name', { adapter: 'film' })
  expect(await graft.aliases.get('a-stable-name')).toEqual(alias)
  expect(await Array.fromAsync(graft.aliases.listMoves('a-stable-name'))).toMatchObject([{ to: { name: 'film' } }])
  expect(await graft.aliases.remove('a-stable-name')).toBeUndefined()
  expect((await Array.fromAsync(graft.bases.list())).map(({ name }) => name)).toContain('embedded')
  expect(
    (await graft.parameters.count({ base: 't5-small', method: 'lora', rank: 8, targets: ['q', 'v'] })).trainable,
  ).toBe(294_912)
})

test('uploads data once per idempotency key, launches a training, and follows it to its end', async () => {
  const upload = () => graft.datasets.upload('client-rows', new Blob([ROWS]).stream(), { idempotencyKey: 'rows' })
  const dataset = await upload()
  expectTypeOf(dataset).toEqualTypeOf<Dataset>()
  expect(await upload()).toEqual(dataset)
  const launch = () => graft.trainings.launch({ dataset: dataset.id, rank: 4, epochs: 1 }, { idempotencyKey: 'launch' })
  const { id } = await launch()
  expectTypeOf(launch).returns.resolves.toEqualTypeOf<Training>()
  expect((await launch()).id).toBe(id)
  expect((await Array.fromAsync(graft.trainings.list({ status: 'queued' }))).map((training) => training.id)).toContain(
    id,
  )
  const events = Array.fromAsync(graft.trainings.follow(id))
  await graft.trainings.pause(id)
  await graft.trainings.resume(id)
  await graft.trainings.cancel(id)
  const all = await events
  expect(all.map(({ number }) => number)).toEqual(all.map((_, i) => i + 1))
  expect(all.map(({ event }) => event.status)).toEqual(['queued', 'paused', 'queued', 'cancelled'])
  expect(await Array.fromAsync(graft.trainings.follow(id, { after: 3 }))).toEqual(all.slice(3))
})

test('continues to follow a training after the connection broke, and stops when its signal aborts', async () => {
  const { id } = await graft.trainings.launch({ dataset: (await graft.datasets.upload('followed-rows', ROWS)).id })
  let requests = 0
  const stop = new AbortController()
  const breaking = connectGraft({
    url: server.url,
    fetch: async (url, init) => {
      const response = await fetch(url, init)
      if (!url.pathname.endsWith('/events') || requests++ > 0) return response
      const reader = response.body?.getReader()
      const first = await reader?.read()
      await reader?.cancel()
      return new Response(first?.value)
    },
  })
  const seen: number[] = []
  for await (const { number, event } of breaking.trainings.follow(id, { signal: stop.signal })) {
    seen.push(number)
    if (number === 1) await claimTraining(server.platform.store.db, id, 'a worker')
    if (event.status === 'running') stop.abort()
  }
  expect(seen).toEqual([1, 2])
  expect(requests).toBe(2)
  const { fencing_token } = (await claimTraining(server.platform.store.db, id, 'a worker').catch(() => undefined)) ?? {}
  await transitionTraining(server.platform.store.db, id, 'cancelled', { fencing_token })
})

test('throws the problem of the server with its code, and says when no server answers', async () => {
  const unknown = await graft.trainings.get('none').catch((error) => error)
  expect(unknown).toBeInstanceOf(GraftError)
  expect(unknown).toMatchObject({ code: 'training_unknown', detail: { fix: expect.any(String) } })
  const nobody = connectGraft({ url: 'http://127.0.0.1:9' })
  await expect(nobody.predict({ inputs: ['a'] })).rejects.toMatchObject({ code: 'server_unreachable' })
  const other = connectGraft({ fetch: async () => new Response('<html>', { status: 502 }) })
  await expect(other.adapters.get('film')).rejects.toMatchObject({ code: 'server_unreachable' })
})

test('sends its key', async () => {
  const sent: (string | null)[] = []
  const keyed = connectGraft({
    apiKey: 'graft_secret',
    fetch: async (url, init) => {
      sent.push(url.href, new Headers(init.headers).get('authorization'))
      return Response.json({ data: [] })
    },
  })
  expect(await Array.fromAsync(keyed.keys.list())).toEqual([])
  expect(sent).toEqual(['http://127.0.0.1:8080/v1/keys?limit=100', 'Bearer graft_secret'])
})

test('runs in browsers: it needs no module of Node, and is small', async () => {
  const { outputFiles } = await build({
    entryPoints: [join(packageRoot, 'client/client.ts')],
    bundle: true,
    minify: true,
    platform: 'browser',
    format: 'esm',
    write: false,
  })
  expect(outputFiles[0].contents.length).toBeLessThan(30_000)
  expect(outputFiles[0].text).not.toMatch(/node:|require\(/)
})
