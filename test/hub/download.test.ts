import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { parseHubName } from '../../checkpoint/hub-name.ts'
import { basePlan } from '../../platform/hub/base-plan.ts'
import { fetchSnapshot } from '../../platform/hub/fetch-snapshot.ts'
import { listRepo } from '../../platform/hub/repo-files.ts'
import type { HubSettings } from '../../platform/hub/settings.ts'
import { expectError, freshPath, parityPath } from '../checkpoint/helpers.ts'
import { sendRange } from './fake-api.ts'
import { firstTimes, startFakeHub, withStatus } from './fake-hub.ts'
import { filesIn, toFile } from './fake-repos.ts'
import type { FakeHub, Fault, Received } from './fake-types.ts'

const REPO = 'owner/tiny'
const tiny = filesIn(parityPath('tiny-t5'))
const weights = tiny['model.safetensors']

let hub: FakeHub
let settings: HubSettings
let commit: string
let notices: string[]

beforeEach(async () => {
  hub = await startFakeHub()
  settings = { endpoint: hub.endpoint, cache: freshPath('cache'), offline: false, timeoutMs: 500, retryMs: 1 }
  notices = []
  commit = hub.add(REPO, {
    ...tiny,
    'flax_model.msgpack': Buffer.from('flax'),
    'tf_model.h5': Buffer.from('tf'),
    'pytorch_model.bin': Buffer.from('torch'),
    'README.md': Buffer.from('# Tiny'),
    'tokenizer.json': Buffer.from('{}'),
    '../escape.json': Buffer.from('{}'),
    'onnx/': Buffer.alloc(0),
  })
})

const fetchBase = (name = REPO, more: Partial<HubSettings> = {}) =>
  fetchSnapshot(
    parseHubName(name) ?? { repo: '', revision: '' },
    basePlan,
    { onNotice: (sentence) => notices.push(sentence) },
    { ...settings, ...more },
  )

const isWeights = ({ host, method }: Received) => host === 'cdn' && method === 'GET'
const requestsOf = (host: Received['host']) => hub.received.filter((received) => received.host === host)
const storageFolder = () => join(settings.cache, 'models--owner--tiny')

const partialWeights = () =>
  join(storageFolder(), 'blobs', `${toFile('model.safetensors', weights).oid}.graft.incomplete`)

/** Cuts the connection after some bytes of the weights. */
const cutAfter =
  (bytes: number): Fault =>
  ({ range }, response) => {
    const start = Number(/\d+/.exec(range ?? '')?.[0] ?? 0)
    response.writeHead(range ? 206 : 200, {
      'content-length': weights.length - start,
      ...(range && { 'content-range': `bytes ${start}-${weights.length - 1}/${weights.length}` }),
    })
    response.write(weights.subarray(start, start + bytes))
    // A connection that ends at once may lose what was sent.
    const isReceived = () => statSync(partialWeights(), { throwIfNoEntry: false })?.size === start + bytes
    void expect
      .poll(isReceived, { interval: 5, timeout: 10_000 })
      .toBe(true)
      .finally(() => response.destroy())
    return true
  }

describe('a base from the hub', () => {
  test('is downloaded without the files of other libraries, into the cache of huggingface_hub', async () => {
    const dir = await fetchBase()
    expect(dir).toBe(join(storageFolder(), 'snapshots', commit))
    expect(readdirSync(dir).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json'])
    expect(readFileSync(join(dir, 'model.safetensors'))).toEqual(weights)
    expect(readlinkSync(join(dir, 'config.json'))).toBe(`../../blobs/${toFile('config.json', tiny['config.json']).oid}`)
    expect(readFileSync(join(storageFolder(), 'refs/main'), 'utf8')).toBe(commit)
    expect(readdirSync(join(storageFolder(), 'blobs')).filter((name) => name.endsWith('incomplete'))).toEqual([])
  })

  test('is not downloaded again', async () => {
    const dir = await fetchBase()
    const before = requestsOf('cdn').length
    expect(await fetchBase()).toBe(dir)
    expect(requestsOf('cdn').length).toBe(before)
  })

  test('is the copy in the cache while the hub cannot be reached, which a line says', async () => {
    const dir = await fetchBase()
    await hub.close()
    expect(await fetchBase()).toBe(dir)
    expect(notices).toEqual([
      `${hub.endpoint} could not be reached: ECONNREFUSED. Using the copy of ${REPO} in the cache.`,
    ])
    expect(await fetchBase(`hf:${REPO}@${commit}`)).toBe(dir)
    await expectError(fetchBase(`${REPO}@v2`), 'hub_unavailable', hub.endpoint, 'ECONNREFUSED')
    await expectError(fetchBase('owner/other'), 'hub_unavailable')
  })

  test('is never requested with HF_HUB_OFFLINE', async () => {
    await expectError(fetchBase(REPO, { offline: true }), 'hub_unavailable', 'HF_HUB_OFFLINE')
    expect(hub.received).toEqual([])
    const dir = await fetchBase()
    const before = hub.received.length
    expect(await fetchBase(REPO, { offline: true })).toBe(dir)
    expect(hub.received.length).toBe(before)
  })

  test('has the files of the revision that is named', async () => {
    const other = hub.add(REPO, { 'config.json': Buffer.from('{"other": true}') }, 'v2')
    hub.repos
      .get(REPO)
      ?.commits.get(other)
      ?.set('pytorch_model.bin', toFile('pytorch_model.bin', Buffer.from('torch')))
    const dir = await fetchBase(`${REPO}@v2`)
    expect(readdirSync(dir).sort()).toEqual(['config.json', 'pytorch_model.bin'])
    expect(readFileSync(join(dir, 'config.json'), 'utf8')).toBe('{"other": true}')
    expect(await fetchBase(`${REPO}@${commit}`)).toBe(join(storageFolder(), 'snapshots', commit))
  })

  test('may have weights in several files, and only those that the index lists are downloaded', async () => {
    const index = { weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' } }
    hub.add('owner/shards', {
      'config.json': Buffer.from('{}'),
      'model.safetensors.index.json': Buffer.from(JSON.stringify(index)),
      'model-00001-of-00002.safetensors': Buffer.from('one'),
      'model-00002-of-00002.safetensors': Buffer.from('two'),
      'model-00003-of-00002.safetensors': Buffer.from('three'),
    })
    const dir = await fetchBase('owner/shards')
    expect(readdirSync(dir).sort()).toEqual([
      'config.json',
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
      'model.safetensors.index.json',
    ])
  })

  test.each([['../../outside.bin'], ['/etc/passwd.bin'], ['sub/model.bin']])(
    'cannot name a file outside of its folder: %s',
    async (name) => {
      hub.add('owner/evil', {
        'config.json': Buffer.from('{}'),
        'pytorch_model.bin.index.json': Buffer.from(JSON.stringify({ weight_map: { a: name } })),
        [name]: Buffer.from('evil'),
      })
      await expectError(fetchBase('owner/evil'), 'checkpoint_corrupt', 'weight_map')
      expect(existsSync(join(settings.cache, 'outside.bin'))).toBe(false)
    },
  )

  test('is listed without names that are unsafe as paths on any system', async () => {
    const unsafe = [
      '../x.bin',
      '/etc/x.bin',
      'sub/x.bin',
      'a\\b.bin',
      'C:x.bin',
      '..',
      '.hidden',
      '-x.bin',
      'a\0.bin',
      'ä.bin',
    ]
    const names = [...unsafe, 'x.bin']
    const commit = hub.add('owner/names', Object.fromEntries(names.map((name) => [name, Buffer.from('x')])))
    expect([...(await listRepo({ repo: 'owner/names', commit }, settings)).keys()]).toEqual(['x.bin'])
  })

  test('must be a base', async () => {
    hub.add('owner/adapter', { 'adapter_config.json': Buffer.from('{}') })
    await expectError(fetchBase('owner/adapter'), 'base_incomplete', 'owner/adapter', 'adapter, not a base')
  })
})

describe('a download', () => {
  test('that breaks continues where it stopped', async () => {
    hub.faults.push(firstTimes(2, isWeights, cutAfter(100_000)))
    const dir = await fetchBase()
    expect(readFileSync(join(dir, 'model.safetensors'))).toEqual(weights)
    expect(requestsOf('cdn').map(({ range }) => range)).toEqual([undefined, 'bytes=100000-', 'bytes=200000-'])
  })

  test('that breaks every time fails, and the next one continues it', async () => {
    hub.faults.push(firstTimes(5, isWeights, cutAfter(20_000)))
    await expectError(fetchBase(), 'hub_unavailable', 'could not be reached')
    expect(existsSync(join(storageFolder(), 'snapshots', commit, 'model.safetensors'))).toBe(false)
    await fetchBase()
    expect(requestsOf('cdn').at(-1)?.range).toBe('bytes=100000-')
  })

  test('starts again if what an earlier one left is damaged', async () => {
    mkdirSync(join(storageFolder(), 'blobs'), { recursive: true })
    writeFileSync(partialWeights(), Buffer.alloc(1000, 7))
    const dir = await fetchBase()
    expect(readFileSync(join(dir, 'model.safetensors'))).toEqual(weights)
    expect(requestsOf('cdn').map(({ range }) => range)).toEqual(['bytes=1000-', undefined])
  })

  test('starts again if the server ignores the range', async () => {
    hub.faults.push(firstTimes(1, isWeights, cutAfter(50_000)))
    hub.faults.push(
      firstTimes(1, isWeights, (_, response) => {
        sendRange(response, weights, undefined, {})
        return true
      }),
    )
    expect(readFileSync(join(await fetchBase(), 'model.safetensors'))).toEqual(weights)
  })

  test('of a blob that lost its end is repeated', async () => {
    const dir = await fetchBase()
    truncateSync(join(storageFolder(), 'blobs', toFile('model.safetensors', weights).oid), 10)
    await fetchBase()
    expect(readFileSync(join(dir, 'model.safetensors'))).toEqual(weights)
  })

  test.each(['model.safetensors', 'config.json'])(
    'with the wrong content of %s is refused and not kept',
    async (name) => {
      const wrong = Buffer.alloc(tiny[name].length, 1)
      hub.faults.push((received, response) => {
        if (!received.path.endsWith(`/${name}`) || (received.host === 'hub' && name === 'model.safetensors'))
          return false
        sendRange(response, wrong, received.range, {})
        return true
      })
      await expectError(fetchBase(), 'hub_corrupt', `${REPO}/${name}`, toFile(name, tiny[name]).oid)
      expect(readdirSync(join(storageFolder(), 'blobs')).join()).not.toContain(toFile(name, tiny[name]).oid)
    },
  )

  test.each([
    [
      'longer than listed',
      `expected ${weights.length} bytes, but found more`,
      (response: Parameters<Fault>[1]) => sendRange(response, Buffer.concat([weights, weights]), undefined, {}),
    ],
    [
      'from another place',
      'expected a response from byte 0',
      (response: Parameters<Fault>[1]) => {
        response.writeHead(206, { 'content-range': 'bytes 5-9/10' }).end('12345')
      },
    ],
  ])('that is %s is refused', async (_, message, send) => {
    hub.faults.push((received, response) => {
      if (!isWeights(received)) return false
      send(response)
      return true
    })
    await expectError(fetchBase(), 'hub_corrupt', `${REPO}/model.safetensors`, message)
  })

  test.each([429, 500, 503])('survives the status %i', async (status) => {
    hub.faults.push(firstTimes(2, ({ path }) => path.includes('/revision/'), withStatus(status)))
    hub.faults.push(firstTimes(2, isWeights, withStatus(status, { 'retry-after': '0' })))
    expect(existsSync(await fetchBase())).toBe(true)
  })

  test('reports a status that stays, with the advice for it', async () => {
    hub.faults.push(withStatus(429, { 'x-error-message': 'Slow down' }))
    await expectError(fetchBase(), 'hub_unavailable', '429', 'Slow down', 'Wait a few minutes')
  })

  test('does not wait forever for a response or for more of it', { timeout: 20_000 }, async () => {
    hub.faults.push(
      firstTimes(1, isWeights, (_, response) => {
        response.writeHead(200, { 'content-length': weights.length })
        response.write(weights.subarray(0, 5000))
        return true
      }),
    )
    expect(readFileSync(join(await fetchBase(), 'model.safetensors'))).toEqual(weights)
    hub.faults.push(() => true)
    await expectError(fetchBase('owner/other', { timeoutMs: 50 }), 'hub_unavailable', 'took too long')
  })

  test('of a page that is not the API is refused', async () => {
    hub.faults.push((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in to this network</html>')
      return true
    })
    await expectError(fetchBase(), 'hub_corrupt', 'a response of the API of the hub')
  })

  test('of a JSON file that is too large is refused before it starts', async () => {
    hub.faults.push(({ path }, response) => {
      if (!path.includes('/tree/')) return false
      const entry = (name: string, size: number) => ({ type: 'file', path: name, size, oid: '0'.repeat(40) })
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify([entry('config.json', 2 ** 40), entry('model.safetensors', 1)]))
      return true
    })
    await expectError(fetchBase(), 'hub_corrupt', 'config.json', '67108864')
  })

  test('of two at once happens once', async () => {
    const [first, second] = await Promise.all([fetchBase(), fetchBase()])
    expect(first).toBe(second)
    expect(requestsOf('cdn').length).toBe(1)
    expect(notices).toEqual([`Waiting for another process that downloads ${REPO} …`])
  })
})

describe('access', () => {
  const mine = { token: 'hf_valid' }

  test('to a gated repository needs a token, which the error says', async () => {
    const repo = hub.repos.get(REPO)
    if (repo) repo.gated = true
    await expectError(fetchBase(), 'hub_denied', REPO, 'is gated', 'HF_TOKEN')
    await fetchBase(REPO, mine)
  })

  test('to a private repository needs a token, without which it does not exist', async () => {
    const repo = hub.repos.get(REPO)
    if (repo) repo.private = true
    await expectError(fetchBase(), 'hub_missing', REPO, 'or is private', 'HF_TOKEN')
    await fetchBase(REPO, mine)
  })

  test('with a wrong token is denied, and the error does not show it', async () => {
    const error = await fetchBase(REPO, { token: 'hf_wrong_secret' }).catch((reason: Error) => reason)
    expect(error).toMatchObject({ code: 'hub_denied' })
    expect(JSON.stringify(error) + (error as Error).stack).not.toContain('hf_wrong_secret')
  })

  test('to a repository or a revision that does not exist is an error', async () => {
    await expectError(fetchBase('owner/none'), 'hub_missing', 'owner/none')
    await expectError(fetchBase(`${REPO}@none`), 'hub_missing', 'does not have this revision')
  })

  test('gives the token only to the hub, and not to the host that it redirects to', async () => {
    await fetchBase(REPO, mine)
    expect(requestsOf('cdn').length).toBeGreaterThan(0)
    expect(requestsOf('cdn').filter(({ authorization }) => authorization !== undefined)).toEqual([])
    expect(requestsOf('hub').every(({ authorization }) => authorization === 'Bearer hf_valid')).toBe(true)
  })

  test('gives the token to no other host that a list of files names', async () => {
    hub.faults.push(
      firstTimes(
        1,
        ({ path }) => path.includes('/tree/'),
        (_, response) => {
          response
            .writeHead(200, { 'content-type': 'application/json', link: `<${hub.cdn}/next>; rel="next"` })
            .end('[]')
          return true
        },
      ),
    )
    await expectError(fetchBase(REPO, mine), 'hub_missing')
    expect(requestsOf('cdn')).toEqual([{ host: 'cdn', method: 'GET', path: '/next' }])
  })
})
