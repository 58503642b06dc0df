import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { loadAdapter } from '../../checkpoint/adapter.ts'
import { requireHubName } from '../../checkpoint/hub-name.ts'
import { adapterPlan } from '../../platform/hub/adapter-plan.ts'
import { fetchSnapshot } from '../../platform/hub/fetch-snapshot.ts'
import { pushFolder } from '../../platform/hub/push-folder.ts'
import { readyAdapter } from '../../platform/offline/bases.ts'
import type { Adapter } from '../../platform/schemas/adapters.ts'
import { expectError, freshPath, parityPath, tinyFlan, tinyT5 } from '../checkpoint/helpers.ts'
import { freshHome, startGraft, stopServer } from '../cli/run.ts'
import { firstTimes, startFakeHub, withStatus } from './fake-hub.ts'
import { filesIn } from './fake-repos.ts'
import type { FakeHub, Received } from './fake-types.ts'

let hub: FakeHub

beforeEach(async () => {
  hub = await startFakeHub()
})

/** Files that a trainer leaves in a repository beside the adapter. */
const JUNK = {
  'README.md': Buffer.from('# Adapter'),
  '.gitattributes': Buffer.from(''),
  'optimizer.bin': Buffer.from('not a checkpoint'),
  'training_args.bin': Buffer.from('a pickle'),
  'scheduler.pt': Buffer.from('a pickle'),
}

describe('an adapter on the hub', () => {
  const fetchAdapter = (repo: string) =>
    fetchSnapshot(
      requireHubName(repo),
      adapterPlan,
      {},
      { endpoint: hub.endpoint, cache: freshPath('cache'), offline: false },
    )

  test.each([
    'peft/lora_r8_a16_qv/checkpoint',
    'peft/prefix_5/checkpoint',
    'opendelta/adapter_b8/checkpoint',
    'opendelta/lora_r8/checkpoint',
    'adapterhub/double_seq_bn_b8/safetensors',
    'adapterhub/lora_r8_a16/safetensors',
    'adapterhub/flex_head_seq_bn_b8/bin',
  ])('is downloaded without other files, and loads: %s', async (path) => {
    const files = filesIn(parityPath(path))
    hub.add('owner/adapter', { ...files, ...JUNK })
    const dir = await fetchAdapter('owner/adapter')
    const own = (await loadAdapter(parityPath(path), await tinyT5())).digest
    expect((await loadAdapter(dir, await tinyT5())).digest).toBe(own)
    for (const name of readdirSync(dir)) expect([...Object.keys(files), 'README.md']).toContain(name)
  })

  test('may be a full model', async () => {
    hub.add('owner/full', { ...filesIn(parityPath('tiny-flan')), ...JUNK, 'tf_model.h5': Buffer.from('tf') })
    const dir = await fetchAdapter('owner/full')
    expect(readdirSync(dir).sort()).toEqual(['README.md', 'config.json', 'model.safetensors'])
    expect((await loadAdapter(dir, await tinyFlan())).method).toEqual({ method: 'full' })
  })

  test('comes with its model card, unless that is too large', async () => {
    const files = filesIn(parityPath('peft/ia3/checkpoint'))
    for (const bytes of [2 ** 20, 2 ** 20 + 1]) {
      hub.add('owner/adapter', { ...files, 'README.md': Buffer.alloc(bytes) })
      const dir = await fetchAdapter('owner/adapter')
      expect(readdirSync(dir).includes('README.md')).toBe(bytes === 2 ** 20)
    }
  })

  test('must be a checkpoint', async () => {
    hub.add('owner/data', { 'README.md': Buffer.from('# Data') })
    await expectError(fetchAdapter('owner/data'), 'checkpoint_config', 'owner/data', 'adapter_config.json', 'README.md')
    hub.add('owner/no-weights', { 'adapter_config.json': filesIn(readyAdapter)['adapter_config.json'] })
    await expectError(fetchAdapter('owner/no-weights'), 'hub_missing', 'owner/no-weights/adapter.safetensors')
  })
})

/** Returns a function that runs graft on one store, or on the server at `url`, and parses what it prints. */
function makeRunner(env: Readonly<Record<string, string>>) {
  const all = { HF_ENDPOINT: hub.endpoint, HF_HOME: freshPath('hugging-face'), HF_HUB_CACHE: '', ...env }
  return async (...args: string[]) => {
    const { code, stdout, stderr } = await startGraft([...args, '--json'], all).exited
    return { code, stderr, value: JSON.parse(stdout) }
  }
}

const contentOf = (repo: string, branch = 'main') => {
  const { refs, commits } = hub.repos.get(repo) ?? { refs: new Map(), commits: new Map() }
  const files: [string, { content: Buffer }][] = [...(commits.get(refs.get(branch)) ?? [])]
  return Object.fromEntries(
    files.filter(([name]) => name !== '.gitattributes').map(([name, { content }]) => [name, content]),
  )
}

const film = filesIn(readyAdapter)

test('graft adapters import takes an adapter from the hub, under the name of the repository or another one', async () => {
  const commit = hub.add('owner/film-hub', { ...film, ...JUNK }, 'v1')
  const run = makeRunner({ GRAFT_HOME: freshHome() })
  const { code, value } = await run('adapters', 'import', 'owner/film-hub@v1')
  expect(code, JSON.stringify(value)).toBe(0)
  const { digest }: Adapter = (await run('adapters', 'show', 'film')).value
  expect(value).toMatchObject({ name: 'film-hub', digest })
  const second = await run('adapters', 'import', `hf:owner/film-hub@${commit}`, '--name', 'mine')
  expect(second.value).toMatchObject({ name: 'mine', digest })
  const out = join(freshPath(), 'copy')
  await run('adapters', 'export', 'mine', '--out', out)
  expect(filesIn(out)).toEqual({ ...film, 'README.md': JUNK['README.md'] })
})

test('graft adapters push and import work with a server, which needs neither the token nor the hub', async () => {
  const home = freshHome()
  const server = startGraft(['serve', '--port', '0', '--no-worker'], {
    GRAFT_HOME: home,
    HF_ENDPOINT: 'http://127.0.0.1:9',
  })
  await server.waitFor(/^http\S+\n/m)
  const GRAFT_URL = /^http\S+/m.exec(server.stdout)?.[0] ?? ''
  const run = makeRunner({ GRAFT_URL, HF_TOKEN: hub.token })
  const pushed = await run('adapters', 'push', 'film', 'owner/film-hub', '--private')
  expect(pushed.code, JSON.stringify(pushed.value)).toBe(0)
  const repo = hub.repos.get('owner/film-hub')
  expect(pushed.value).toEqual({
    adapter: 'film',
    url: `${hub.endpoint}/owner/film-hub`,
    commit: repo?.refs.get('main'),
  })
  expect(pushed.stderr).toMatch(/^Created the private repository owner\/film-hub\nUploading 4 files, \d/)
  expect(repo?.private).toBe(true)
  expect(contentOf('owner/film-hub')).toEqual(film)
  expect((await run('adapters', 'import', 'owner/film-hub')).value).toMatchObject({ name: 'film-hub' })
  await stopServer(server)

  // The token goes to the hub only, and all files are in one commit.
  expect(hub.received.some(({ host, method }) => host === 'cdn' && method === 'PUT')).toBe(true)
  for (const { host, authorization } of hub.received)
    expect(authorization).toBe(host === 'hub' ? `Bearer ${hub.token}` : undefined)
  expect(repo?.commits.size).toBe(2)
})

describe('an upload', () => {
  const push = () =>
    pushFolder(
      readyAdapter,
      { repo: 'owner/film', revision: 'main' },
      { title: 'Upload film' },
      {},
      {
        endpoint: hub.endpoint,
        cache: freshPath('cache'),
        offline: false,
        token: hub.token,
        timeoutMs: 500,
        retryMs: 1,
      },
    )

  test('survives a hub that is busy, and a storage that fails or does not respond', async () => {
    const isPut = ({ method }: Received) => method === 'PUT'
    hub.faults.push(firstTimes(2, ({ path }) => path.includes('/preupload/'), withStatus(503)))
    hub.faults.push(firstTimes(1, ({ path }) => path.includes('/commit/'), withStatus(429, { 'retry-after': '0' })))
    hub.faults.push(firstTimes(1, isPut, withStatus(500)))
    hub.faults.push(firstTimes(1, isPut, () => true))
    const { commit, url } = await push()
    expect([commit, url]).toEqual([hub.repos.get('owner/film')?.refs.get('main'), `${hub.endpoint}/owner/film`])
    expect(contentOf('owner/film')).toEqual(film)
  })

  test('leaves a model card that is there as it is', async () => {
    hub.add('owner/film', { 'README.md': Buffer.from('# Film') })
    await push()
    expect(contentOf('owner/film')).toEqual({ ...film, 'README.md': Buffer.from('# Film') })
  })

  test('does not repeat a commit that may have been made', async () => {
    hub.faults.push(({ path }, response, request) =>
      path.includes('/commit/') ? withStatus(500)({} as Received, response, request) : false,
    )
    await expectError(push(), 'hub_unavailable', '500')
    expect(hub.received.filter(({ path }) => path.includes('/commit/')).length).toBe(1)
  })
})

describe('graft adapters push', () => {
  test('adds a commit to a repository that exists, on a branch if one is named', async () => {
    hub.add('owner/film', { 'README.md': Buffer.from('# Film') })
    const run = makeRunner({ GRAFT_HOME: freshHome(), HF_TOKEN: hub.token })
    const { value } = await run('adapters', 'push', 'film', 'hf:owner/film', '--revision', 'try/1')
    expect(value).toMatchObject({ url: `${hub.endpoint}/owner/film/tree/try%2F1` })
    expect(contentOf('owner/film', 'try/1')).toEqual({ ...film, 'README.md': Buffer.from('# Film') })
    expect(Object.keys(contentOf('owner/film'))).toEqual(['README.md'])
    expect((await run('adapters', 'push', 'film', 'owner/film@try/1')).code).toBe(0)
    expect((await run('adapters', 'push', 'film', 'owner/film')).code).toBe(0)
    expect(contentOf('owner/film')).toEqual({ ...film, 'README.md': Buffer.from('# Film') })
  })

  test('refuses what cannot be uploaded, and says why', async () => {
    hub.add('owner/public', {})
    hub.add('others/film', {})
    const home = freshHome()
    const run = makeRunner({ GRAFT_HOME: home, HF_TOKEN: hub.token })
    const problemOf = async (...args: string[]) => {
      const { code, value } = await run('adapters', 'push', ...args)
      return [code, value.error?.code, `${value.error?.subject} ${value.error?.problem ?? value.error?.expected}`]
    }
    expect(await problemOf('film', 'owner/public', '--private')).toEqual([
      2,
      'usage',
      expect.stringContaining('exists and is public'),
    ])
    expect(await problemOf('film', 'others/film')).toEqual([
      2,
      'hub_denied',
      expect.stringContaining('You are not allowed to write here'),
    ])
    expect(await problemOf('film', 'others/new')).toEqual([
      2,
      'hub_denied',
      expect.stringContaining("don't have the rights"),
    ])
    expect(await problemOf('film', 'no-owner')).toEqual([2, 'usage', expect.stringContaining('owner/name')])
    expect(await problemOf('none', 'owner/none')).toEqual([2, 'adapter_unknown', expect.anything()])
    expect(await problemOf('film')).toEqual([2, 'usage', expect.stringContaining('a repository on the hub')])
    const withoutToken = await makeRunner({ GRAFT_HOME: home, HF_TOKEN: '' })('adapters', 'push', 'film', 'owner/film')
    expect(withoutToken.value.error).toMatchObject({
      code: 'hub_denied',
      problem: expect.stringContaining('is not set'),
    })
    expect(hub.repos.has('owner/film')).toBe(false)
  })
})
