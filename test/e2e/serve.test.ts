import { appendFileSync, chmodSync, cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { loadAdapter } from '../../checkpoint/adapter.ts'
import { packageRoot } from '../../core/entry.ts'
import { adapterList } from '../../platform/schemas/adapters.ts'
import { classifyAnswer } from '../../platform/schemas/classify.ts'
import { health } from '../../platform/schemas/health.ts'
import { parameterCount } from '../../platform/schemas/parameters.ts'
import { selectAdapter } from '../../platform/store/adapters.ts'
import { openStore } from '../../platform/store/open-store.ts'
import { openEngine } from '../../serving/engine.ts'
import type { Prediction } from '../../serving/engine-types.ts'
import { freshPath } from '../checkpoint/helpers.ts'
import { freshHome, type GraftProcess, graft, startGraft } from '../cli/run.ts'
import { describePostgres, postgresPlace } from '../contract/store/stores.ts'
import { post, readProblem } from '../server/start.ts'
import { base, configs, saveRandomAdapter, textOf } from '../serving/adapters.ts'

const served = configs.filter(([name]) => ['lora-4', 'seq-bn', 'prompt', 'full'].includes(name))
const ids = served.map(([name]) => name)
let folders: string[]
let running: GraftProcess
let url: string

/** Waits for the address, which is the only line on stdout. */
async function waitForAddress(process: GraftProcess): Promise<string> {
  await process.waitFor(/http:\S+\n/)
  return process.stdout.trim()
}

beforeAll(async () => {
  folders = await Promise.all(served.map(([name, config, size]) => saveRandomAdapter(name, config, size)))
  running = startGraft(['serve', ...folders.flatMap((dir) => ['--checkpoint', dir]), '--port', '0', '--threads', '2'])
  url = await waitForAddress(running)
})
afterAll(async () => {
  running.kill('SIGTERM')
  const { code, stdout, stderr } = await running.exited
  expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: `${url}\n` })
})

const get = async (path: string) => {
  const response = await fetch(`${url}${path}`)
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

describe('graft serve', () => {
  test('prints its address as the only line on stdout once it accepts requests', async () => {
    expect(running.stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\n$/)
    const { status, body } = await get('/healthz')
    expect(status).toBe(200)
    expect(health.parse(body).version).toMatch(/^\d+\.\d+\.\d+/)
  })

  test('lists the adapters of the command line, newest first, with the digests of their weights', async () => {
    const data = adapterList.parse((await get('/v1/adapters')).body).data.reverse()
    expect(data.map(({ name, method }) => [name, method])).toEqual(served.map(([id, { method }]) => [id, method]))
    for (const [i, { digest }] of data.entries()) expect(digest).toBe((await loadAdapter(folders[i], base)).digest)
    expect((await get('/v1/adapters/prompt')).body).toEqual(data[2])
    expect((await get(`/v1/adapters/${data[2].id}`)).body).toEqual(data[2])
  })

  test('classifies each row with the adapter that it names, as if that adapter were the only one', async () => {
    const inputs = [30, 31, 200, 600].flatMap((length) => ids.map((adapter) => ({ text: textOf(length), adapter })))
    const response = await post(url, { inputs })
    expect(response.status).toBe(200)
    const { results } = classifyAnswer.parse(await response.json())
    const rows = z.array(z.looseObject({ adapter: z.string(), digest: z.string() })).parse(results)
    expect(rows.map(({ adapter }) => adapter)).toEqual(inputs.map(({ adapter }) => adapter))
    for (const [i, id] of ids.entries()) {
      const engine = await openEngine({ base, folderOf: async () => folders[i], threads: 1 })
      const mine = inputs.map((_, row) => row).filter((row) => inputs[row].adapter === id)
      const expected = await engine.classify(mine.map((row) => inputs[row]))
      await engine.close()
      for (const [j, row] of mine.entries()) {
        const { scores, ...rest } = expected[j] as Prediction
        expect(rows[row]).toMatchObject({ label: rest.label, tokens: rest.tokens, truncated: rest.truncated })
        const found = rows[row].scores as Record<string, number>
        for (const label of Object.keys(scores)) expect(Math.abs(found[label] - scores[label])).toBeLessThan(1e-5)
      }
    }
  })

  test('returns the name and digest of a single adapter in headers, and a list per text for several adapters', async () => {
    const one = await post(url, { inputs: ['A joy.'], adapter: 'seq-bn' })
    const answer = (await one.json()) as { digest: string; results: { label: string }[] }
    expect(one.headers.get('x-graft-adapter')).toBe('seq-bn')
    expect(one.headers.get('x-graft-digest')).toBe(answer.digest)
    const several = classifyAnswer.parse(await (await post(url, { inputs: ['A joy.', 'Dull.'], adapters: ids })).json())
    expect(several.results.map((row) => (row as unknown[]).length)).toEqual([ids.length, ids.length])
    expect((several.results[0] as { label: string }[])[1]).toMatchObject({ label: answer.results[0].label })
  })

  test('rejects an unknown adapter with 404, and returns the error of an invalid text in its place', async () => {
    const unknown = await post(url, { inputs: ['A joy.'], adapter: 'lora-5' })
    expect(await readProblem(unknown)).toMatchObject({
      code: 'adapter_unknown',
      status: 404,
      expected: `one of ${ids.toReversed().join(', ')}`,
      found: '"lora-5"',
    })
    expect((await get('/v1/adapters/lora-5')).status).toBe(404)
    const { results } = (await (await post(url, { inputs: ['A joy.', ' '], adapter: 'prompt' })).json()) as {
      results: object[]
    }
    expect(results).toMatchObject([{ tokens: 4 }, { error: { code: 'text_invalid', subject: 'inputs[1]' } }])
  })

  test('counts the parameters of methods and of its adapters', async () => {
    const count = async (query: string) => parameterCount.parse((await get(`/v1/parameters?${query}`)).body)
    expect(await count('method=lora&rank=8')).toMatchObject({ trainable: 49_152, total: 8_441_344 })
    expect(await count('method=lora&rank=8&base=t5-small')).toMatchObject({ trainable: 294_912, total: 60_801_536 })
    expect(await count('method=soft-prompt&tokens=5&base=embedded')).toMatchObject({ trainable: 1280 })
    for (const [i, id] of ids.entries()) {
      const { values, method } = await loadAdapter(folders[i], base)
      const trainable = [...values.values()].reduce((n, { length }) => n + length, 0)
      expect(await count(`adapter=${id}`)).toMatchObject({ trainable, added: method.method === 'full' ? 0 : trainable })
    }
  })

  test('responds to other requests while it classifies many long texts', async () => {
    let over = false
    const long = post(url, { inputs: Array.from({ length: 64 }, (_, i) => textOf(512, i)), adapter: 'prompt' }).then(
      (response) => {
        over = true
        return response
      },
    )
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect((await get('/healthz')).status).toBe(200)
    expect(over).toBe(false)
    expect((await long).status).toBe(200)
  })
})

test('SIGTERM finishes open requests, rejects new ones, and exits with 0', async () => {
  const one = startGraft(['serve', '--checkpoint', folders[0], '--port', '0', '--threads', '2'])
  const at = await waitForAddress(one)
  const inputs = Array.from({ length: 60 }, (_, i) => textOf(512, i))
  const answer = post(at, { inputs })
  await new Promise((resolve) => setTimeout(resolve, 150))
  one.kill('SIGTERM')
  const another = () =>
    post(at, { inputs: ['A joy.'] }).then(
      () => 'answered',
      () => 'refused',
    )
  await expect.poll(another, { timeout: 20_000 }).toBe('refused')
  const { results } = (await (await answer).json()) as { results: object[] }
  expect(results).toHaveLength(60)
  for (const result of results) expect(result).toMatchObject({ tokens: 512, label: expect.any(String) })
  expect(await one.exited).toMatchObject({ code: 0, stdout: `${at}\n` })
})

test('the texts of a client that disconnects are dropped, and the server continues', async () => {
  const stop = new AbortController()
  const inputs = Array.from({ length: 256 }, (_, i) => textOf(512, i))
  const gone = post(url, { inputs, adapter: 'prompt' }, { signal: stop.signal })
  await new Promise((resolve) => setTimeout(resolve, 400))
  stop.abort()
  await expect(gone).rejects.toThrow('abort')
  const begun = performance.now()
  expect((await post(url, { inputs: ['A joy.'], adapter: 'prompt' })).status).toBe(200)
  expect(performance.now() - begun).toBeLessThan(1500)
})

test('a restart keeps the adapters; the same folder is added once, and another folder of the same name is rejected', async () => {
  const home = freshHome()
  const [first, second] = [join(home, 'one/film'), join(home, 'two/film')]
  cpSync(folders[0], first, { recursive: true })
  cpSync(folders[1], second, { recursive: true })
  const serve = async (...checkpoints: string[]) => {
    const flags = checkpoints.flatMap((dir) => ['--checkpoint', dir])
    const one = startGraft(['serve', ...flags, '--port', '0', '--threads', '1'], { GRAFT_HOME: home })
    return { one, at: await waitForAddress(one) }
  }
  for (const checkpoints of [[first], [first], []]) {
    const { one, at } = await serve(...checkpoints)
    const { adapter, results } = (await (await post(at, { inputs: ['A joy.'] })).json()) as Record<string, unknown>
    expect({ adapter, results }).toMatchObject({ adapter: 'film', results: [{ tokens: 4 }] })
    one.kill('SIGINT')
    expect((await one.exited).code).toBe(0)
  }
  await expect(serve(second)).rejects.toThrow('graft adapters remove film')
})

test('a damaged adapter fails only its own texts and is named in the error', async () => {
  const home = freshHome()
  const serve = async (...flags: string[]) => {
    const one = startGraft(['serve', ...flags, '--port', '0', '--threads', '1'], { GRAFT_HOME: home })
    return { one, at: await waitForAddress(one) }
  }
  const first = await serve('--checkpoint', folders[0], '--checkpoint', folders[1])
  first.one.kill('SIGTERM')
  expect((await first.one.exited).code).toBe(0)
  rmSync(join(home, 'cache'), { recursive: true, force: true })
  const { artifact } = await readAdapterRow(home, ids[0])
  const file = join(home, 'artifacts', artifact.slice(0, 2), artifact.slice(2))
  chmodSync(file, 0o644)
  appendFileSync(file, 'damage')

  const { one, at } = await serve()
  const answer = await post(at, { inputs: ['A joy.'], adapters: [ids[0], ids[1]] })
  const { results } = (await answer.json()) as { results: object[][] }
  expect(results).toMatchObject([
    [{ error: { code: 'artifact_corrupt', subject: `artifact ${ids[0]}` } }, { tokens: 4 }],
  ])
  expect(JSON.stringify(results)).not.toContain(home)
  one.kill('SIGTERM')
  expect((await one.exited).code).toBe(0)
})

/** Reads the row of an adapter while no server has the store open. */
async function readAdapterRow(home: string, name: string) {
  const store = await openStore({ databaseUrl: '', home })
  try {
    return await selectAdapter(store.db, name)
  } finally {
    await store.close()
  }
}

describePostgres(() => {
  test('a server without a worker and a separate worker start together on a new database, in homes that do not exist yet', async () => {
    const place = await postgresPlace()
    const [apiHome, workerHome] = [freshPath('home'), freshPath('home')]
    const env = { DATABASE_URL: place.options.databaseUrl, GRAFT_ARTIFACTS: freshPath('artifacts') }
    const api = startGraft(['serve', '--no-worker', '--port', '0', '--threads', '1'], { ...env, GRAFT_HOME: apiHome })
    const worker = startGraft(['worker', '--threads', '1'], { ...env, GRAFT_HOME: workerHome })
    const at = await waitForAddress(api)
    const data = join(packageRoot, 'samples/train.jsonl')
    const train = ['train', '--name', 'mine', '--data', data, '--steps', '3', '--max-tokens', '32']
    const { code, stderr } = await startGraft(train, { GRAFT_URL: at, GRAFT_HOME: freshPath('home') }).exited
    expect(code, stderr + worker.stderr).toBe(0)
    const answer = await post(at, { inputs: ['A joy.'], adapters: ['film', 'mine'] })
    expect(await answer.json()).toMatchObject({ results: [[{ label: 'positive', tokens: 4 }, { tokens: 4 }]] })
    for (const one of [api, worker]) one.kill('SIGTERM')
    for (const one of [api, worker]) expect((await one.exited).code).toBe(0)
    await place.remove()
  })
})

test('the command exits if a checkpoint cannot be served', async () => {
  const label_words = { negative: 'worst', positive: 'flabbergastingly' }
  const mute = await saveRandomAdapter('mute', { method: 'lora', rank: 1 }, 0.1, { label_words })
  const { code, stdout, stderr } = await graft('serve', '--checkpoint', folders[0], '--checkpoint', mute, '--port', '0')
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(/mute, the word "flabbergastingly" of the label positive is not a single token/)
})
