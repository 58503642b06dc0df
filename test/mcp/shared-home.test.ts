import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { connectApi } from '../../cli/store/api.ts'
import { findRunningServer, reserveAddress } from '../../cli/store/server-address.ts'
import { packageRoot } from '../../core/entry.ts'
import { tools } from '../../mcp/tools.ts'
import { freshPath } from '../checkpoint/helpers.ts'
import { freshHome, startGraft, watchProcess } from '../cli/run.ts'
import { NODE_FLAGS } from '../node-flags.ts'

interface Reply {
  id: number
  result?: Record<string, never> & { tools?: { name: string; inputSchema: { properties: object } }[] }
  error?: { message: string }
}

/** Starts `graft mcp` as a client does. */
function startStdio(home: string) {
  const args = [...NODE_FLAGS, join(packageRoot, 'dist/cli/main.js'), 'mcp', '--threads', '1']
  const env = { ...process.env, GRAFT_HOME: home, DATABASE_URL: '' }
  const child = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'pipe'] })
  const graft = watchProcess(child)
  const waiting = new Map<number, (reply: Reply) => void>()
  createInterface(child.stdout).on('line', (line) => {
    const reply = JSON.parse(line) as Reply
    waiting.get(reply.id)?.(reply)
  })
  let last = 0
  const send = (method: string, params: object = {}) => {
    const id = ++last
    const { promise, resolve } = Promise.withResolvers<Reply>()
    waiting.set(id, resolve)
    child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`)
    return promise
  }
  const call = async (name: string, args: object = {}): Promise<string> => {
    const { result, error } = await send('tools/call', { name, arguments: args })
    return error?.message ?? (result as unknown as { content: { text: string }[] }).content[0].text
  }
  return Object.assign(graft, { send, call, end: () => child.stdin.end() })
}

const initialize = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } }
const reviews = [
  { text: 'A joy.', label: 'positive' },
  { text: 'A bore.', label: 'negative' },
]

test('the first answers come before the store is open, and a call waits for it', async () => {
  const home = freshHome()
  // As if another process were opening the store.
  const reservation = reserveAddress(home)
  const { send, call, end, exited } = startStdio(home)
  const { result } = await send('initialize', initialize)
  expect(result).toMatchObject({
    serverInfo: { name: 'graft' },
    capabilities: { tools: {}, prompts: {}, resources: {} },
  })
  const listed = (await send('tools/list')).result?.tools
  expect(listed?.map(({ name }) => name)).toEqual(tools.map(({ name }) => name))
  const add = listed?.find(({ name }) => name === 'add_dataset')
  expect(Object.keys(add?.inputSchema.properties ?? {})).toEqual(['name', 'rows', 'path'])
  expect((await send('prompts/list')).result).toMatchObject({ prompts: [{ name: 'choose_adapter' }] })
  const waiting = call('list_datasets')
  expect(await findRunningServer(home)).toBeUndefined()
  reservation?.withdraw()
  expect(await waiting).toContain('There are no data sets yet.')
  end()
  expect((await exited).code).toBe(0)
})

test('two clients of one home see the same data, and the second continues when the process of the first is killed', async () => {
  const home = freshHome()
  const first = startStdio(home)
  expect(await first.call('add_dataset', { name: 'films', rows: reviews })).toContain('films has 2 reviews')
  const second = startStdio(home)
  expect(await second.call('list_datasets')).toContain('"summary":"films."')
  expect(await second.call('add_dataset', { name: 'more', path: join(packageRoot, 'samples/test.jsonl') })).toContain(
    'more has 90 reviews',
  )
  expect(await first.call('list_datasets')).toContain('"summary":"more, films."')
  expect(second.stderr).toMatch(/^Serving the tools of http:/)

  // Commands use the same process, with the key that only the owner of the home can read.
  const address = await findRunningServer(home)
  expect(address?.key).toMatch(/^graft_/)
  expect((await fetch(new URL('/v1/datasets', address?.url))).status).toBe(401)
  const api = connectApi(address!.url, address?.key)
  expect(await Array.fromAsync(api.datasets.list())).toMatchObject([{ name: 'more' }, { name: 'films' }])
  const listed = await startGraft(['datasets', 'list', '--json'], { GRAFT_HOME: home }).exited
  expect(listed.stdout).toContain('"more"')

  first.kill('SIGKILL')
  await first.exited
  expect(await second.call('list_datasets')).toContain('"summary":"more, films."')
  expect(second.stderr).toContain('Using the store in this process.')
  second.end()
  expect((await second.exited).code).toBe(0)
  expect(await findRunningServer(home)).toBeUndefined()
})

test('a path that cannot be read, and a store that cannot be opened, are errors that say what to do', async () => {
  const home = freshPath('home')
  mkdirSync(join(home, 'postgres/data'), { recursive: true })
  writeFileSync(join(home, 'postgres/data/PG_VERSION'), '9\n')
  const { call, end, exited } = startStdio(home)
  expect(await call('add_dataset', { name: 'films', path: '/no/such/file' })).toMatch(
    /^file_missing: .*\n\/no\/such\/file does not exist\.\nPass the absolute path/,
  )
  expect(await call('add_dataset', { name: 'films', path: 'x', rows: reviews })).toMatch(
    /\nrows: expected no rows, because path is set, but found a list of 2\./,
  )
  expect(await call('list_datasets')).toMatch(/^store_unavailable: .*\. \S/)
  end()
  await exited
})
