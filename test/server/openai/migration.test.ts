import { execFile } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../../core/entry.ts'
import type { Adapter } from '../../../platform/schemas/adapters.ts'
import { freshPath } from '../../checkpoint/helpers.ts'
import { type GraftProcess, startGraft, stopServer } from '../../cli/run.ts'
import { readJsonLines } from '../../json-lines.ts'
import { hasPeer } from '../../peers.ts'

const python = join(import.meta.dirname, '.venv/bin/python')
const isInstalled = hasPeer(python)
const skipNote = isInstalled ? '' : ' (skipped: no test/server/openai/.venv; test/server/openai/setup.sh installs it)'

const folder = freshPath('from-openai')
const document = readFileSync(join(packageRoot, 'docs/from-openai.md'), 'utf8')
let server: GraftProcess
let url: string

/** Returns the document's program in one language, with the URL of this test's server. */
const programOf = (language: string): string => {
  const [, program] = document.match(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'ms')) ?? []
  return program.replaceAll('http://localhost:8080', url)
}

/** Returns samples in OpenAI's conversation format. */
function toConversations(file: string, rows: number): string {
  return readJsonLines<{ text: string; label: string }>(join(packageRoot, 'samples', file))
    .slice(0, rows)
    .map(({ text, label }) => [
      { role: 'system', content: 'You judge film reviews.' },
      { role: 'user', content: text },
      { role: 'assistant', content: label },
    ])
    .map((messages) => JSON.stringify({ messages }))
    .join('\n')
}

beforeAll(async () => {
  await mkdir(folder, { recursive: true })
  writeFileSync(join(folder, 'train.jsonl'), toConversations('train.jsonl', 200))
  writeFileSync(join(folder, 'test.jsonl'), toConversations('test.jsonl', 40))
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}')
  symlinkSync(join(packageRoot, 'node_modules'), join(folder, 'node_modules'))
  server = startGraft(['serve', '--port', '0'])
  await server.waitFor(/http:\S+\n/)
  url = server.stdout.trim()
})
afterAll(() => stopServer(server))

async function runProgram(program: string, ...args: string[]): Promise<void> {
  const { stdout } = await promisify(execFile)(program, args, { cwd: folder })
  expect(stdout).toMatch(/^(positive|negative) -\d+(\.\d+)?(e-\d+)?\n$/)
  const { data } = (await (await fetch(`${url}/v1/adapters`)).json()) as { data: Adapter[] }
  expect(data[0]).toMatchObject({ name: expect.stringMatching(/^film-[0-9a-f]{12}$/), metrics: { n: 40 } })
  await fetch(`${url}/v1/adapters/${data[0].name}`, { method: 'DELETE' })
}

test("the program in docs/from-openai.md runs with OpenAI's client for JavaScript", async () => {
  writeFileSync(join(folder, 'migration.js'), programOf('js'))
  await runProgram(process.execPath, 'migration.js')
})

test.skipIf(!isInstalled)(
  `the program in docs/from-openai.md runs with OpenAI's client for Python${skipNote}`,
  async () => {
    writeFileSync(join(folder, 'migration.py'), programOf('python'))
    await runProgram(python, 'migration.py')
  },
)
