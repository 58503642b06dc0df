import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { packageRoot } from '../core/entry.ts'
import { packFolder } from '../platform/artifacts/pack-folder.ts'
import type { Adapter } from '../platform/schemas/adapters.ts'
import type { Alias } from '../platform/schemas/aliases.ts'
import type { Dataset } from '../platform/schemas/datasets.ts'
import type { Training } from '../platform/schemas/trainings.ts'

const REQUEST_TIMEOUT_MS = 30_000
const RETRY_DELAY_MS = 300
const MOVE_INTERVAL_MS = 100

/** The things that a server has acknowledged to a client. */
export interface Acknowledged {
  /** The digests of data sets, by their names. */
  datasets: Record<string, string>
  /** The digests of uploaded adapters, by their names. */
  adapters: Record<string, string>
  /** The aliases by their names, as they were last moved. */
  aliases: Record<string, Alias & { moves: number }>
  /** The trainings by their names, as they were last seen. */
  trainings: Record<string, Pick<Training, 'id' | 'status' | 'last_event' | 'adapter' | 'error'>>
}

/** A client that repeats each request until it is answered, and notes what was acknowledged. */
export interface NotingClient {
  readonly acknowledged: Acknowledged
  /** How often each status came back. `none` counts requests without a response. */
  readonly statuses: Record<string, number>
  uploadDataset(name: string, content: Uint8Array): Promise<void>
  uploadAdapter(name: string, archive: Uint8Array): Promise<void>
  /** Moves an alias from one adapter to another until the client is stopped: many small writes. */
  moveAlias(name: string, adapters: readonly string[]): Promise<void>
  /** Launches a training. */
  launch(name: string, settings: object): Promise<void>
  /** Looks at the trainings that have not ended, as far as they were noted. @returns how many are left */
  watch(): Promise<number>
  /** Ends the repetitions: each request that waits for an answer fails. */
  stop(): void
}

/** An answer that no repetition changes. */
export class Refused extends Error {}

export function makeNotingClient(url: string): NotingClient {
  const acknowledged: Acknowledged = { datasets: {}, adapters: {}, aliases: {}, trainings: {} }
  const statuses: Record<string, number> = {}
  let isStopped = false

  /** @returns the body of the first response with one of these statuses */
  async function request(
    path: string,
    init: RequestInit,
    ...expected: number[]
  ): Promise<{ status: number; body: unknown }> {
    while (!isStopped) {
      const response = await send(`${url}${path}`, init)
      const code = (response?.body as { code?: string } | undefined)?.code
      const name = response ? [response.status, code].filter(Boolean).join(' ') : 'none'
      statuses[name] = (statuses[name] ?? 0) + 1
      if (response && expected.includes(response.status)) return response
      if (response && response.status < 500 && response.status !== 429)
        throw new Refused(`${init.method ?? 'GET'} ${path} was answered with ${name}`)
      await sleep(RETRY_DELAY_MS)
    }
    throw new Refused(`the client was stopped before ${path} was answered`)
  }

  /** Uploads content. If an earlier attempt was stored but its response was lost, reads what is stored. */
  async function upload(path: string, name: string, type: string, content: Uint8Array): Promise<{ digest: string }> {
    const init = { method: 'POST', headers: { 'content-type': type }, body: content as RequestInit['body'] }
    const { status, body } = await request(`${path}?name=${name}`, init, 201, 409)
    return (status === 201 ? body : (await request(`${path}/${name}`, {}, 200)).body) as Adapter | Dataset
  }

  return {
    acknowledged,
    statuses,
    async uploadDataset(name, content) {
      acknowledged.datasets[name] = (await upload('/v1/datasets', name, 'application/octet-stream', content)).digest
    },
    async uploadAdapter(name, archive) {
      acknowledged.adapters[name] = (await upload('/v1/adapters', name, 'application/x-tar', archive)).digest
    },
    async moveAlias(name, adapters) {
      const headers = { 'content-type': 'application/json' }
      for (let moves = 1; !isStopped; moves++) {
        const body = JSON.stringify({ adapter: adapters[moves % adapters.length] })
        const answer = await request(`/v1/aliases/${name}`, { method: 'PUT', headers, body }, 200, 201)
        acknowledged.aliases[name] = { ...(answer.body as Alias), moves }
        await sleep(MOVE_INTERVAL_MS)
      }
    },
    async launch(name, settings) {
      const headers = { 'content-type': 'application/json', 'idempotency-key': name }
      const body = JSON.stringify({ name, ...settings })
      const answer = await request('/v1/trainings', { method: 'POST', headers, body }, 201)
      acknowledged.trainings[name] = answer.body as Training
    },
    async watch() {
      for (const [name, { id, status }] of Object.entries(acknowledged.trainings))
        if (!hasEnded(status))
          acknowledged.trainings[name] = (await request(`/v1/trainings/${id}`, {}, 200)).body as Training
      return Object.values(acknowledged.trainings).filter(({ status }) => !hasEnded(status)).length
    },
    stop() {
      isStopped = true
    },
  }
}

const hasEnded = (status: string): boolean => ['succeeded', 'failed', 'cancelled'].includes(status)

/** @returns the response with its JSON, or undefined if none arrived */
export async function send(url: string, init: RequestInit): Promise<{ status: number; body: unknown } | undefined> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) })
    return { status: response.status, body: await response.json() }
  } catch {
    return undefined
  }
}

/** Returns data sets that differ, and so are separate artifacts. */
export function makeDatasets(count: number): Buffer[] {
  const lines = readFileSync(join(packageRoot, 'samples/train.jsonl'), 'utf8').trimEnd().split('\n')
  return Array.from({ length: count }, (_, i) => Buffer.from(`${lines.slice(i).join('\n')}\n`))
}

/** Trains adapters that differ, for one step each. @returns their archives */
export async function makeArchives(count: number): Promise<Buffer[]> {
  const folder = mkdtempSync(join(tmpdir(), 'graft-archives-'))
  try {
    const archives: Buffer[] = []
    for (let seed = 0; seed < count; seed++) {
      const out = join(folder, String(seed))
      const args = ['--data', join(packageRoot, 'samples/train.jsonl'), '--steps', '1', '--seed', String(seed)]
      const main = join(packageRoot, 'dist/cli/main.js')
      execFileSync(process.execPath, [main, 'train', ...args, '--out', out], { stdio: 'ignore' })
      archives.push(await buffer(packFolder(out)))
    }
    return archives
  } finally {
    rmSync(folder, { recursive: true })
  }
}
