import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { freshPath } from '../../checkpoint/helpers.ts'

/** A server like that of the hub. */
export interface FakeHub {
  /** The variables of the environment of a process that uses it, with an empty cache. */
  environment: { HF_ENDPOINT: string; HF_HOME: string }
  /** The paths that were requested. */
  requested: string[]
  /** The number of requests that are answered with status 503 from now on. */
  failing: number
  /** The commit of each repository. A test may change it. */
  commit: string
}

/**
 * Serves folders as repositories until the test has finished.
 * @param folders the folder of each repository
 */
export async function startHub(folders: Readonly<Record<string, string>>): Promise<FakeHub> {
  const server = createServer(({ url }, response) => {
    const [repository, path] = String(url).slice(1).split(`/resolve/${hub.commit}/`)
    hub.requested.push(String(url))
    if (hub.failing > 0) {
      hub.failing--
      response.writeHead(503).end()
      return
    }
    const name = /^\/api\/models\/(.+?)\/revision\/main/.exec(String(url))?.[1]
    if (name !== undefined && name in folders) {
      const info = { _id: '1', id: name, private: false, sha: hub.commit, lastModified: new Date(0).toISOString() }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(info))
      return
    }
    const file = join(folders[repository] ?? '', path ?? '')
    const content = repository in folders && path !== undefined && existsSync(file) ? readFileSync(file) : undefined
    response.writeHead(content ? 200 : 404, { 'content-length': content?.length ?? 0 }).end(content)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const hub: FakeHub = {
    environment: { HF_ENDPOINT: `http://127.0.0.1:${port}`, HF_HOME: freshPath('hub') },
    requested: [],
    failing: 0,
    commit: 'c'.repeat(40),
  }
  return hub
}

/** The variables of a process in which transformers.js is not installed. */
export function withoutTransformers(): { NODE_OPTIONS: string } {
  const hide = `import { registerHooks } from 'node:module'
registerHooks({ resolve: (name, context, next) => next(name === '@huggingface/transformers' ? 'absent' : name, context) })`
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hide)}` }
}

/** Runs work with variables of the environment, which child processes inherit. */
export async function withEnvironment<T>(
  variables: Readonly<Record<string, string>>,
  work: () => Promise<T>,
): Promise<T> {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, variables)
  try {
    return await work()
  } finally {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
  }
}
