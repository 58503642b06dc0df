import { execFile } from 'node:child_process'
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../../core/entry.ts'
import type { Adapter } from '../../../platform/schemas/adapters.ts'
import { freshPath } from '../../checkpoint/helpers.ts'
import { type Running, started } from '../../cli/run.ts'

const python = join(import.meta.dirname, '.venv/bin/python')
const isInstalled = existsSync(python)
const without = isInstalled ? '' : ' (skipped: no test/server/openai/.venv; test/server/openai/setup.sh installs it)'

const place = freshPath('from-openai')
const document = readFileSync(join(packageRoot, 'docs/from-openai.md'), 'utf8')
let server: Running
let url: string

/** The program of the document in one language, for the server of this test. */
const programOf = (language: string): string => {
  const [, program] = document.match(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'ms')) ?? []
  return program.replaceAll('http://localhost:8080', url)
}

/** Our samples as the files that users of OpenAI have. */
function conversations(file: string, rows: number): string {
  const lines = readFileSync(join(packageRoot, 'samples', file), 'utf8')
    .trim()
    .split('\n')
    .slice(0, rows)
  return lines
    .map((line) => JSON.parse(line) as { text: string; label: string })
    .map(({ text, label }) => [
      { role: 'system', content: 'You judge film reviews.' },
      { role: 'user', content: text },
      { role: 'assistant', content: label },
    ])
    .map((messages) => JSON.stringify({ messages }))
    .join('\n')
}

beforeAll(async () => {
  await mkdir(place, { recursive: true })
  writeFileSync(join(place, 'train.jsonl'), conversations('train.jsonl', 200))
  writeFileSync(join(place, 'test.jsonl'), conversations('test.jsonl', 40))
  writeFileSync(join(place, 'package.json'), '{"type": "module"}')
  symlinkSync(join(packageRoot, 'node_modules'), join(place, 'node_modules'))
  server = started(['serve', '--port', '0'])
  await server.says(/http:\S+\n/)
  url = server.stdout.trim()
})
afterAll(async () => {
  server.kill('SIGTERM')
  const { code, stderr } = await server.ended
  expect(code, stderr).toBe(0)
})

async function told(program: string, ...args: string[]): Promise<void> {
  const { stdout } = await promisify(execFile)(program, args, { cwd: place })
  expect(stdout).toMatch(/^(positive|negative) -\d+(\.\d+)?(e-\d+)?\n$/)
  const { data } = (await (await fetch(`${url}/v1/adapters`)).json()) as { data: Adapter[] }
  expect(data[0]).toMatchObject({ name: expect.stringMatching(/^film-[0-9a-f]{12}$/), metrics: { n: 40 } })
  await fetch(`${url}/v1/adapters/${data[0].name}`, { method: 'DELETE' })
}

test("docs/from-openai.md's program runs with OpenAI's client for JavaScript", async () => {
  writeFileSync(join(place, 'migration.js'), programOf('js'))
  await told(process.execPath, 'migration.js')
})

test.skipIf(!isInstalled)(`docs/from-openai.md's program runs with OpenAI's client for Python${without}`, async () => {
  writeFileSync(join(place, 'migration.py'), programOf('python'))
  await told(python, 'migration.py')
})
