import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, inject, vi } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { afterFile } from '../after-file.ts'
import { freshPath } from '../checkpoint/helpers.ts'
import { type GraftProcess, watchProcess } from '../cli/run.ts'
import { whyPglite } from '../contract/store/embedded.ts'
import { mountDisk, unmountDisks, whyNoDisks } from '../e2e/small-disk.ts'
import { NODE_FLAGS } from '../node-flags.ts'
import { saveRandomAdapter } from '../serving/adapters.ts'
import { type Client, makeClient } from './client.ts'
import { type ControlGroup, openControlGroup, whyNoGroup } from './control-group.ts'
import { type Innocent, makeInnocent } from './innocent.ts'

/** The memory that the documents recommend for one machine, with the embedded database and with PGlite. */
const MEMORY_BYTES = (whyPglite ? 1.5 : 1) * 2 ** 30
const DISK_KILOBYTES = 384 * 1024
/** After an accident, the database may need a moment. */
const RECOVERY = { timeout: 60_000, interval: 200 }

/** The files of a small adapter, by their names. */
export type Files = Readonly<Record<string, Buffer>>

interface Place {
  /** The folder with the server's home. It is a small disk, if this process may mount one. */
  readonly disk: string
  readonly home: string
  readonly group?: ControlGroup
}

interface Process {
  readonly url: string
  readonly pid: number
  readonly server: GraftProcess
  readonly child: ChildProcess
}

/** A server that is attacked, and those who use it. */
export interface Target extends Place, Process {
  /** A key with the scope `train`. */
  readonly attacker: Client
  readonly admin: Client
  readonly innocent: Innocent
  /** A valid adapter, which is served as `film`. */
  readonly good: Files
  /** Expects that the process is the same, works, and gives the innocent the same answers. */
  check(): Promise<void>
}

/** Starts a server with 1 GiB of memory and a small disk, where this process may limit them. */
export async function startTarget(): Promise<Target> {
  const disk = whyNoDisks ? freshPath('disk') : mountDisk(DISK_KILOBYTES)
  const home = join(disk, 'home')
  mkdirSync(join(disk, 'tmp'), { recursive: true })
  cpSync(inject('embeddedTemplate'), home, { recursive: true })
  const folder = await saveRandomAdapter('film', { method: 'lora', rank: 4 }, 0.05)
  const names = ['adapter_config.json', 'adapter_model.safetensors', 'graft.json']
  const good = Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name))]))
  const group = whyNoGroup ? undefined : openControlGroup(MEMORY_BYTES)
  afterFile(async () => {
    // The embedded database would end by itself, because nobody uses it any more.
    await group?.remove()
    unmountDisks()
  })
  const place: Place = { disk, home, ...(group && { group }) }
  const running = await startServer(place, ['--checkpoint', folder])

  const keyOf = async (name: string, scope: string, secret = '') => {
    const body = { name, scopes: [scope] }
    const answer = await makeClient(running.url, secret).send('POST', '/v1/keys', { body })
    expect(answer.status, JSON.stringify(answer)).toBe(201)
    return makeClient(running.url, answer.body.secret)
  }
  const admin = await keyOf('admin', 'admin')
  const attacker = await keyOf('attacker', 'train', admin.secret)
  const innocent = await makeInnocent(await keyOf('innocent', 'predict', admin.secret))
  return { ...place, ...running, admin, attacker, innocent, good, check: makeCheck(running, innocent) }
}

/** Kills the server, starts it again, and expects the answers of the first one. */
export async function restartTarget(target: Target): Promise<Target> {
  target.server.kill('SIGKILL')
  await target.server.exited
  const running = await startServer(target, [])
  const of = ({ secret }: Client) => makeClient(running.url, secret)
  const [admin, attacker] = [of(target.admin), of(target.attacker)]
  const innocent = await makeInnocent(of(target.innocent), target.innocent)
  return { ...target, ...running, admin, attacker, innocent, check: makeCheck(running, innocent) }
}

function makeCheck({ server, url, pid }: Process, innocent: Innocent): () => Promise<void> {
  let hasExited = false
  void server.exited.then(() => {
    hasExited = true
  })
  const nobody = makeClient(url, '')
  return async () => {
    await vi.waitFor(async () => {
      if (!hasExited) expect((await nobody.send('GET', '/readyz')).status).toBe(200)
    }, RECOVERY)
    expect(hasExited, server.stderr.slice(-4000)).toBe(false)
    expect((await nobody.send('GET', '/healthz')).status).toBe(200)
    process.kill(pid, 0)
    await innocent.check()
  }
}

/** Starts `graft serve`, in a control group if there is one. */
async function startServer({ disk, home, group }: Place, flags: readonly string[]): Promise<Process> {
  const main = join(packageRoot, 'dist/cli/main.js')
  const command = [process.execPath, ...NODE_FLAGS, main, 'serve', '--port', '0', '--threads', '1', ...flags]
  const [program, ...args] = group?.enter(command) ?? command
  const env = { ...process.env, DATABASE_URL: '', GRAFT_HOME: home, TMPDIR: join(disk, 'tmp') }
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const server = watchProcess(child)
  await server.waitFor(/http:\S+\n/)
  return { server, child, pid: child.pid as number, url: server.stdout.trim() }
}

/** Stops the server as a supervisor does. */
export async function stopTarget({ server }: Target): Promise<void> {
  server.kill('SIGTERM')
  const { code, stderr } = await server.exited
  expect(code, stderr.slice(-4000)).toBe(0)
}
