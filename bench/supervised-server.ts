import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { packageRoot } from '../core/entry.ts'

const RESTART_DELAY_MS = 500

export interface ServerLocation {
  /** The folder of the server's files. */
  home: string
  /** Empty for the embedded database. */
  databaseUrl: string
}

/** `graft serve` with its worker, which is started again whenever it exits, as a service supervisor does. */
export interface SupervisedServer {
  url: string
  /** How each process before the present one ended: its exit code or its signal. */
  exits: string[]
  /** Waits until the server answers. @returns the milliseconds, or undefined if it does not answer in time */
  waitUntilReady(withinMs: number): Promise<number | undefined>
  /** Asks the process to stop and waits until it has. */
  stop(): Promise<void>
}

/** @param log the file to append the messages of all processes to */
export async function superviseServer(location: ServerLocation, log: string): Promise<SupervisedServer> {
  const port = await findPort()
  const url = `http://127.0.0.1:${port}`
  const exits: string[] = []
  const output = createWriteStream(log, { flags: 'a' })
  const env = { ...process.env, GRAFT_HOME: location.home, DATABASE_URL: location.databaseUrl, GRAFT_ARTIFACTS: '' }
  let isStopping = false
  let child = start()

  function start() {
    const started = spawn(
      process.execPath,
      [join(packageRoot, 'bin/graft.cjs'), 'serve', '--port', String(port), '--threads', '1'],
      { env, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    started.stderr.pipe(output, { end: false })
    started.on('exit', (code, signal) => {
      if (isStopping) return
      exits.push(String(signal ?? code))
      setTimeout(() => {
        if (!isStopping) child = start()
      }, RESTART_DELAY_MS)
    })
    return started
  }

  return {
    url,
    exits,
    async waitUntilReady(withinMs) {
      const started = performance.now()
      while (performance.now() - started < withinMs) {
        const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined)
        await response?.arrayBuffer().catch(() => {})
        if (response?.ok) return performance.now() - started
        await sleep(100)
      }
      return undefined
    },
    async stop() {
      isStopping = true
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM')
        await once(child, 'exit')
      }
      output.end()
    },
  }
}

async function findPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('expected an address with a port')
  return address.port
}
