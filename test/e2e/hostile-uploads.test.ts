import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freshPath } from '../checkpoint/helpers.ts'
import { type GraftProcess, startGraft } from '../cli/run.ts'
import { archive, entry } from '../platform/artifacts/archives.ts'
import { readProblem } from '../server/start.ts'
import { saveRandomAdapter } from '../serving/adapters.ts'

/** The temporary folder of the server, where it unpacks uploads. */
const temporary = freshPath('temporary')
let server: GraftProcess
let url: string
let good: string
beforeAll(async () => {
  good = await saveRandomAdapter('good', { method: 'lora', rank: 2 }, 0.1)
  mkdirSync(temporary, { recursive: true })
  server = startGraft(['serve', '--port', '0', '--threads', '1', '--no-worker'], { TMPDIR: temporary })
  await server.waitFor(/http:\S+\n/)
  url = server.stdout.trim()
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
    [weights],
  ],
  [
    'a pickle named as safetensors',
    () => tar(copyAndBreak((dir) => writeFileSync(join(dir, weights), pickle))),
    422,
    [weights],
  ],
  ['bytes that are not an archive', () => Buffer.from('hello'), 422, []],
]

describe('an upload is rejected if it has', () => {
  test.each(cases)('%s', async (_, body, status, says) => {
    const problem = await readProblem(await upload('hostile', body()))
    const text = JSON.stringify(problem)
    for (const part of says) expect(text).toContain(part)
    expect(text).not.toMatch(/graft-|cache/)
    expect(problem.status).toBe(status)
    expect(existsSync(marker)).toBe(false)
    expect(readdirSync(temporary).filter((name) => name.startsWith('graft-upload-'))).toEqual([])
    expect((await fetch(`${url}/v1/adapters/hostile`)).status).toBe(404)
  })
})

test('the valid folder is accepted once under its name, and downloaded byte for byte', async () => {
  const response = await upload('good', tar(good))
  expect(response.status).toBe(201)
  const { digest } = (await response.json()) as { digest: string }
  const folder = freshPath('returned')
  mkdirSync(folder, { recursive: true })
  const archived = await fetch(`${url}/v1/adapters/good/archive`)
  execFileSync('tar', ['x', '-C', folder], { input: Buffer.from(await archived.arrayBuffer()) })
  for (const name of readdirSync(good)) expect(readFileSync(join(folder, name))).toEqual(readFileSync(join(good, name)))
  expect(await readProblem(await upload('good', tar(good)))).toMatchObject({ code: 'name_taken', status: 409 })
  const again = await fetch(`${url}/v1/predictions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ inputs: ['A joy.'] }),
  })
  expect(await again.json()).toMatchObject({ adapter: 'good', digest })
})
