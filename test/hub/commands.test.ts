import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { loadClassifier } from '../../library/library.ts'
import { freshPath } from '../checkpoint/helpers.ts'
import { type Exit, startGraft, stopServer } from '../cli/run.ts'
import { mountDisk, resizeDisk, unmountDisks, whyNoDisks } from '../e2e/small-disk.ts'
import { makeReviews, tinyBase, writeReviews } from '../training/tiny.ts'
import { startFakeHub } from './fake-hub.ts'
import { filesIn } from './fake-repos.ts'
import type { FakeHub, Received } from './fake-types.ts'

const REPO = 'owner/tiny'

let hub: FakeHub
let home: string
let commit: string

beforeEach(async () => {
  hub = await startFakeHub()
  home = freshPath('hugging-face')
  commit = hub.add(REPO, filesIn(tinyBase()))
})

const start = (...args: string[]) => startGraft(args, { HF_ENDPOINT: hub.endpoint, HF_HOME: home, HF_HUB_CACHE: '' })
const count = () => start('parameters', '--base', REPO, '--json')
const isWeights = ({ host }: Received) => host === 'cdn'
const snapshot = () => join(home, 'hub/models--owner--tiny/snapshots', commit)

const expectSuccess = ({ code, stderr }: Exit) => expect(code, stderr).toBe(0)

test('graft train --base owner/name trains on a base of the hub, and PEFT finds the base again', async () => {
  const data = writeReviews(makeReviews(40))
  const out = join(freshPath(), 'adapter')
  const train = (...more: string[]) =>
    start('train', '--base', REPO, '--data', data, '--steps', '2', '--threads', '1', ...more)
  const first = await train('--out', out).exited
  expectSuccess(first)
  expect(first.stderr).toContain('MB of owner/tiny')
  expect(JSON.parse(readFileSync(join(out, 'adapter_config.json'), 'utf8'))).toMatchObject({
    base_model_name_or_path: REPO,
    revision: commit,
  })
  expect(JSON.parse(readFileSync(join(out, 'graft.json'), 'utf8')).base.name).toBe(REPO)

  // The library accepts the name as well.
  vi.stubEnv('HF_ENDPOINT', hub.endpoint)
  vi.stubEnv('HF_HUB_CACHE', join(home, 'hub'))
  const classifier = await loadClassifier({ adapter: out, base: REPO, threads: 1 }).finally(vi.unstubAllEnvs)
  expect(classifier.labels).toEqual(['negative', 'positive'])
  await classifier.close()

  // Without the network, everything works with the copy.
  await hub.close()
  const text = 'the film was superb'
  const predicted = await start('predict', '--checkpoint', out, '--base', REPO, text, '--json').exited
  expectSuccess(predicted)
  expect(predicted.stderr).toBe(
    `${hub.endpoint} could not be reached: ECONNREFUSED. Using the copy of ${REPO} in the cache.\n`,
  )
  const adapter = join(freshPath(), 'bottleneck')
  expectSuccess(await train('--method', 'bottleneck', '--bottleneck', '2', '--out', adapter).exited)
  expect(JSON.parse(readFileSync(join(adapter, 'adapter_config.json'), 'utf8')).model_name).toBe(REPO)
})

test('graft serve --base owner/name trains adapters that name the base on the hub, wherever the worker runs', async () => {
  // Python's huggingface_hub may have downloaded more for other libraries, which no worker needs.
  hub.add(REPO, { 'tf_model.h5': Buffer.alloc(1000) })
  const server = start('serve', '--base', REPO, '--port', '0')
  await server.waitFor(/^http\S+\n/m)
  const GRAFT_URL = /^http\S+/m.exec(server.stdout)?.[0] ?? ''
  const run = async (...args: string[]) => {
    const exit = await startGraft([...args, '--json'], { GRAFT_URL }).exited
    expectSuccess(exit)
    return JSON.parse(exit.stdout)
  }
  await run('train', '--name', 'mine', '--data', writeReviews(makeReviews(40)), '--steps', '2')
  const out = join(freshPath(), 'mine')
  await run('adapters', 'export', 'mine', '--out', out)
  expect(JSON.parse(readFileSync(join(out, 'adapter_config.json'), 'utf8'))).toMatchObject({
    base_model_name_or_path: REPO,
    revision: hub.repos.get(REPO)?.refs.get('main'),
  })
  const base = await fetch(`${GRAFT_URL}/v1/bases/${encodeURIComponent(REPO)}`)
  expect(await base.json()).toMatchObject({ name: REPO, served: true })
  await stopServer(server)
})

test('a folder that exists is the base, although it could be a name on the hub', async () => {
  const { code, stdout } = await start('parameters', '--base', 'test/fixtures', '--json').exited
  expect([code, JSON.parse(stdout).error.code]).toEqual([2, 'base_incomplete'])
  expect(hub.received).toEqual([])
})

test('a download that is killed does not look complete, and the next command continues it', async () => {
  const weights = readFileSync(join(tinyBase(), 'model.safetensors'))
  let hangs = true
  hub.faults.push((received, response) => {
    if (!hangs || !isWeights(received)) return false
    response.writeHead(200, { 'content-length': weights.length })
    response.write(weights.subarray(0, 150_000))
    return true
  })
  const killed = count()
  const incomplete = () => globSync(join(home, 'hub/models--owner--tiny/blobs/*.graft.incomplete'))
  await expect.poll(() => incomplete().map((path) => readFileSync(path).length), { timeout: 60_000 }).toEqual([150_000])
  killed.kill('SIGKILL')
  await killed.exited
  expect(readdirSync(snapshot()).sort()).toEqual(['config.json', 'tokenizer.json'])
  hangs = false
  const offline = await startGraft(['parameters', '--base', REPO], { HF_HUB_OFFLINE: '1', HF_HOME: home }).exited
  expect([offline.code, offline.stderr]).toEqual([1, expect.stringContaining('HF_HUB_OFFLINE')])
  expectSuccess(await count().exited)
  expect(hub.received.filter(isWeights).map(({ range }) => range)).toEqual([undefined, 'bytes=150000-'])
  expect(readFileSync(join(snapshot(), 'model.safetensors'))).toEqual(weights)
  expect(incomplete()).toEqual([])
})

test('two commands at once download a base once', async () => {
  hub.faults.push((received, response) => {
    if (!isWeights(received)) return false
    // Long enough for the other process to come.
    setTimeout(() => response.writeHead(200).end(readFileSync(join(tinyBase(), 'model.safetensors'))), 3000)
    return true
  })
  const [first, second] = await Promise.all([count().exited, count().exited])
  expectSuccess(first)
  expectSuccess(second)
  expect(first.stdout).toBe(second.stdout)
  expect(hub.received.filter(isWeights).length).toBe(1)
  expect([first.stderr, second.stderr].filter((text) => text.includes('Waiting for another process')).length).toBe(1)
})

test('a mistyped path is taken for a name on the hub, and the error says so', async () => {
  const { code, stderr } = await start('parameters', '--base', 'models/t5').exited
  expect(code).toBe(2)
  expect(stderr).toContain('models/t5 does not exist on the hub, or is private.')
  expect(stderr).toContain('If models/t5 is meant to be a folder, check its path: it does not exist.')
  const certain = await start('parameters', '--base', 'hf:models/t5').exited
  expect(certain.stderr).not.toContain('folder')
})

describe.skipIf(whyNoDisks)(`a full disk${whyNoDisks}`, () => {
  afterEach(unmountDisks)

  test('ends a download with an error, and the same command continues once there is room', async () => {
    home = mountDisk(65_700)
    const full = await start('parameters', '--base', REPO).exited
    expect([full.code, full.stderr]).toEqual([1, expect.stringContaining('The disk of the cache of the hub has')])
    expect(full.stderr).toContain('graft: The disk is full.')
    resizeDisk(home, 80_000)
    expectSuccess(await count().exited)
  })
})

test('an error of the hub says what to do, and never shows the token', async () => {
  const env = { HF_ENDPOINT: hub.endpoint, HF_HOME: home, HF_TOKEN: 'hf_wrong_secret' }
  const { code, stderr, stdout } = await startGraft(['parameters', '--base', REPO], env).exited
  expect(code).toBe(2)
  expect(stderr).toMatch(
    /^graft: The hub denied access\.\n {2}HF_TOKEN is not a valid token of the hub\.\n {2}Create a/,
  )
  expect(stdout + stderr).not.toContain('secret')
  const broken = await startGraft(['parameters', '--base', REPO], { ...env, HF_TOKEN: 'hf_a secret' }).exited
  expect([broken.code, broken.stderr]).toEqual([2, expect.stringContaining('HF_TOKEN contains a space')])
  expect(broken.stderr).not.toContain('secret')
  expect(existsSync(join(home, 'hub', 'models--owner--tiny'))).toBe(false)
})
