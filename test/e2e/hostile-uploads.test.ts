import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { editJson, freshPath } from '../checkpoint/helpers.ts'
import { freshHome, type GraftProcess, startGraft } from '../cli/run.ts'
import { archive, entry } from '../platform/artifacts/archives.ts'
import { readProblem } from '../server/start.ts'
import { saveRandomAdapter } from '../serving/adapters.ts'

const temporary = freshPath('temporary')
const home = freshHome()
let server: GraftProcess
let url: string
let good: string
/** The files of the new home. */
let files: Record<string, string[]>
beforeAll(async () => {
  good = await saveRandomAdapter('good', { method: 'lora', rank: 2 }, 0.1)
  mkdirSync(temporary, { recursive: true })
  server = startGraft(['serve', '--port', '0', '--threads', '1', '--no-worker'], {
    TMPDIR: temporary,
    GRAFT_HOME: home,
  })
  await server.waitFor(/http:\S+\n/)
  url = server.stdout.trim()
  files = listFiles()
})
afterAll(async () => {
  server.kill('SIGTERM')
  expect((await server.exited).code).toBe(0)
})

const upload = (name: string, body: Uint8Array): Promise<Response> =>
  fetch(`${url}/v1/adapters?name=${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-tar' },
    body: body as Uint8Array<ArrayBuffer>,
  })

/** Copies the valid adapter and breaks the copy. */
function copyAndBreak(spoil: (dir: string) => void): string {
  const dir = freshPath('copied')
  cpSync(good, dir, { recursive: true })
  spoil(dir)
  return dir
}

const tar = (dir: string, ...flags: string[]): Buffer =>
  execFileSync('tar', ['c', ...flags, '-C', dir, '.'], { maxBuffer: 2 ** 30 })

function withSparseFile(dir: string): void {
  writeFileSync(join(dir, 'big'), '')
  truncateSync(join(dir, 'big'), 10e9)
}

/** Changes the manifest of a copy of the valid adapter. */
const withManifest = (change: (manifest: Record<string, unknown>) => void): Buffer =>
  tar(copyAndBreak((dir) => editJson(join(dir, 'graft.json'), change)))

/** Returns the files below the home that an upload could have left. */
const filesOf = (folder: string): string[] => {
  const path = join(home, folder)
  const entries = existsSync(path) ? readdirSync(path, { recursive: true, withFileTypes: true }) : []
  return entries.flatMap((found) => (found.isFile() && !found.name.includes('.lock') ? [found.name] : []))
}

const listFiles = () => Object.fromEntries(['artifacts', 'cache', 'work'].map((folder) => [folder, filesOf(folder)]))

const weights = 'adapter_model.safetensors'
const marker = join(tmpdir(), `graft-pickle-${process.pid}`)

/** A pickle of protocol 0 that runs os.system(…) in Python's pickle.load. */
const pickle = `cos\nsystem\n(S'touch ${marker}'\ntR.`

const cases: [what: string, body: () => Buffer, status: number, says: string[]][] = [
  ['a path out of the folder', () => archive(entry({ name: '../evil', content: 'x' })), 422, ['../evil']],
  ['an absolute path', () => archive(entry({ name: '/tmp/evil', content: 'x' })), 422, ['/tmp/evil']],
  [
    'a symbolic link, and a file written through it',
    () => archive(entry({ name: 'out', type: '2', link: dirname(marker) }), entry({ name: 'out/evil', content: 'x' })),
    422,
    ['symbolic link'],
  ],
  [
    'a hard link to a file of the server',
    () => archive(entry({ name: weights, type: '1', link: '/etc/passwd' })),
    422,
    ['hard link'],
  ],
  [
    'a link that tar packed',
    () => tar(copyAndBreak((dir) => execFileSync('ln', ['-s', '/etc/passwd', join(dir, 'notes')]))),
    422,
    ['notes', 'link'],
  ],
  [
    'a sparse file of 10 GB in GNU format',
    () => tar(copyAndBreak(withSparseFile), '--sparse', '--format=gnu'),
    422,
    ['big'],
  ],
  [
    'a sparse file of 10 GB in POSIX format',
    () => tar(copyAndBreak(withSparseFile), '--sparse', '--format=posix'),
    422,
    ['big', 'sparse'],
  ],
  ['a file with a declared size of 8 GB', () => archive(entry({ name: weights, size: 8e9 })), 413, [weights]],
  [
    'weights as a pickle that runs a command',
    () =>
      tar(
        copyAndBreak((dir) => {
          rmSync(join(dir, weights))
          rmSync(join(dir, 'graft.json'))
          writeFileSync(join(dir, 'adapter_model.bin'), pickle)
        }),
      ),
    422,
    ['adapter_model.bin'],
  ],
  [
    'a pickle named as safetensors',
    () => tar(copyAndBreak((dir) => writeFileSync(join(dir, weights), pickle))),
    422,
    [weights],
  ],
  ['bytes that are not an archive', () => Buffer.from('hello'), 422, []],
  [
    'a probe of three million tokens',
    () => withManifest((m) => Object.assign(m.probe as object, { ids: Array(3e6).fill(5) })),
    422,
    ['graft.json', 'at most 1048576 bytes'],
  ],
  [
    'a tensor of 100 MB in place of an adapter',
    () =>
      tar(
        copyAndBreak((dir) => {
          rmSync(join(dir, 'graft.json'))
          const header = Buffer.from('{"x":{"dtype":"F16","shape":[50000000],"data_offsets":[0,100000000]}}')
          const length = Buffer.alloc(8)
          length.writeBigUInt64LE(BigInt(header.length))
          writeFileSync(join(dir, weights), Buffer.concat([length, header]))
          truncateSync(join(dir, weights), 8 + header.length + 1e8)
        }),
      ),
    422,
    [weights, 'instead it contains x'],
  ],
  [
    'a hundred megabytes of zeros, compressed',
    () => gzipSync(tar(copyAndBreak((dir) => writeFileSync(join(dir, 'junk.bin'), Buffer.alloc(1e8))))),
    413,
    ['times its compressed bytes'],
  ],
  [
    'labels for a terminal',
    () => withManifest((m) => Object.assign(m, { label_words: { '\u001b[31mgood': 'excellent', bad: 'worst' } })),
    422,
    ['label_words'],
  ],
  [
    'a megabyte of metrics',
    () => withManifest((m) => Object.assign(m, { metrics: { note: 'x'.repeat(1e6) } })),
    422,
    ['metrics', 'at most 65536 bytes'],
  ],
]

describe('an upload is rejected if it has', () => {
  test.each(cases)('%s', async (_, body, status, says) => {
    const bytes = body()
    // Making them blocks this process. It must see that the server closed an idle connection before it uses one.
    await delay(50)
    const problem = await readProblem(await upload('hostile', bytes))
    const text = JSON.stringify(problem)
    for (const part of says) expect(text).toContain(part)
    expect(text).not.toMatch(/graft-|cache/)
    expect(problem.status).toBe(status)
    expect(existsSync(marker)).toBe(false)
    expect(readdirSync(temporary).filter((name) => name.startsWith('graft-'))).toEqual([])
    expect(listFiles()).toEqual(files)
    expect((await fetch(`${url}/v1/adapters/hostile`)).status).toBe(404)
  })
})

test('the valid folder is accepted and downloaded byte for byte, and its name is not free for another one', async () => {
  const response = await upload('good', tar(good))
  expect(response.status).toBe(201)
  const { digest } = (await response.json()) as { digest: string }
  const folder = freshPath('returned')
  mkdirSync(folder, { recursive: true })
  const archived = await fetch(`${url}/v1/adapters/good/archive`)
  execFileSync('tar', ['x', '-C', folder], { input: Buffer.from(await archived.arrayBuffer()) })
  // The store does not keep the model card, which has no effect.
  for (const name of readdirSync(good).filter((file) => file !== 'README.md'))
    expect(readFileSync(join(folder, name))).toEqual(readFileSync(join(good, name)))
  expect(await (await upload('good', tar(good))).json()).toMatchObject({ digest })
  const again = await fetch(`${url}/v1/predictions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ inputs: ['A joy.'], adapter: 'good' }),
  })
  expect(await again.json()).toMatchObject({ adapter: 'good', digest })
})

test('files beside the checkpoint are not stored, and a deleted adapter leaves the cache', async () => {
  const stored = () => filesOf('artifacts').length
  const before = stored()
  const withNotes = tar(
    copyAndBreak((dir) => {
      writeFileSync(join(dir, 'optimizer.pt'), Buffer.alloc(5e6, 'o'))
      mkdirSync(join(dir, 'checkpoint-100'))
      writeFileSync(join(dir, 'checkpoint-100', weights), Buffer.alloc(5e6, 'w'))
    }),
  )
  const response = await upload('noted', withNotes)
  expect(response.status).toBe(201)
  const { bytes } = (await response.json()) as { bytes: number }
  expect(bytes).toBeLessThan(1e6)
  // It is the same adapter as the one without these files.
  expect(stored()).toBe(before)
  for (const name of ['good', 'noted'])
    expect((await fetch(`${url}/v1/adapters/${name}`, { method: 'DELETE' })).status).toBe(204)
  expect(filesOf('cache')).toEqual([])
})
