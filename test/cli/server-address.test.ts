import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { findRunningServer, publishAddress } from '../../cli/store/server-address.ts'
import { packageRoot } from '../../core/entry.ts'
import { freshPath } from '../checkpoint/helpers.ts'
import { NODE_FLAGS } from '../node-flags.ts'

/** Starts a server that answers every request with 200. */
async function startServer(): Promise<string> {
  const server = createServer((_, response) => response.end('{}'))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('commands find the server that published its address, until it withdraws it', async () => {
  const [home, url] = [freshPath('home'), await startServer()]
  expect(await findRunningServer(home)).toBeUndefined()
  const withdraw = await publishAddress(home, url)
  expect(await findRunningServer(home)).toEqual({ url })
  const second = await publishAddress(home, 'http://127.0.0.1:9')
  expect(await findRunningServer(home)).toEqual({ url })
  second()
  expect(await findRunningServer(home)).toEqual({ url })
  withdraw()
  expect(await findRunningServer(home)).toBeUndefined()
})

test('the address of a server that was killed is not used, even if another server answers there', async () => {
  const [home, url] = [freshPath('home'), await startServer()]
  mkdirSync(home, { recursive: true })
  const module = JSON.stringify(join(packageRoot, 'cli/store/server-address.ts'))
  const script = `import { publishAddress } from ${module}
await publishAddress(process.argv[1], process.argv[2])
console.log('published')
setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, [...NODE_FLAGS, '--input-type=module', '--eval', script, home, url])
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  expect(await findRunningServer(home)).toEqual({ url })
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(existsSync(join(home, 'server.json'))).toBe(true)
  expect(await findRunningServer(home)).toBeUndefined()

  const withdraw = await publishAddress(home, url)
  expect(await findRunningServer(home)).toEqual({ url })
  withdraw()
})
