import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterFile } from '../after-file.ts'
import { answerApi } from './fake-api.ts'
import { addCommit, type FakeRepo, filesIn, makeRepo } from './fake-repos.ts'
import type { FakeHub, Fault, Received } from './fake-types.ts'

/** Starts a server that speaks the hub's HTTP API, and another one that it redirects to for large files. */
export async function startFakeHub(): Promise<FakeHub> {
  const state = {
    token: 'hf_valid',
    repos: new Map<string, FakeRepo>(),
    uploads: new Map<string, Buffer>(),
    received: [] as Received[],
    faults: [] as Fault[],
    endpoint: '',
    cdn: '',
  }
  const listen = async (host: Received['host']) => {
    const server = createServer((request, response) => {
      const { method = '', url: path = '', headers } = request
      const { range, authorization } = headers
      const received = { host, method, path, ...(range && { range }), ...(authorization && { authorization }) }
      state.received.push(received)
      if (!state.faults.some((fault) => fault(received, response, request)))
        void answerApi(state, received, request, response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  }
  const [hub, cdn] = await Promise.all([listen('hub'), listen('cdn')])
  state.endpoint = hub.url
  state.cdn = cdn.url
  let closed: Promise<void> | undefined
  const close = async () => {
    closed ??= Promise.all(
      [hub, cdn].map(({ server }) => {
        server.closeAllConnections()
        return new Promise((resolve) => server.close(resolve))
      }),
    ).then(() => {})
    await closed
  }
  afterFile(close)
  return Object.assign(state, {
    close,
    add(name: string, files: string | Readonly<Record<string, Buffer>>, branch = 'main') {
      const repo = state.repos.get(name) ?? makeRepo(name)
      state.repos.set(name, repo)
      return addCommit(repo, branch, typeof files === 'string' ? filesIn(files) : files)
    },
  })
}

/** Makes a fault that happens to the first requests that match. */
export function firstTimes(times: number, matches: (received: Received) => boolean, answer: Fault): Fault {
  let left = times
  return (received, response, request) =>
    left > 0 && matches(received) && left-- > 0 ? answer(received, response, request) : false
}

/** Makes a handler that answers with a status. */
export const withStatus =
  (status: number, headers: Readonly<Record<string, string>> = {}): Fault =>
  (_, response) => {
    response.writeHead(status, headers).end()
    return true
  }
