import type { IncomingMessage, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { addCommit, type FakeFile, type FakeRepo, makeRepo, sha256Of } from './fake-repos.ts'
import type { FakeHub, Received } from './fake-types.ts'

type State = Omit<FakeHub, 'add' | 'close'>
type Headers = Readonly<Record<string, string>>

/** The entries of a page of a list of files, so that lists have several pages. */
const PAGE_ENTRIES = 4

const json = (response: ServerResponse, value: unknown, headers: Headers = {}) =>
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))

const refuse = (response: ServerResponse, status: number, code: string, message: string) =>
  response
    .writeHead(status, { 'content-type': 'application/json', 'x-error-code': code, 'x-error-message': message })
    .end(JSON.stringify({ error: message }))

/** Answers a request as the hub does. */
export async function answerApi(
  hub: State,
  { host, method, path, range, authorization }: Received,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<unknown> {
  const { pathname, searchParams } = new URL(path, hub.endpoint)
  if (host === 'cdn') return answerCdn(hub, method, pathname, range, request, response)
  if (authorization !== undefined && authorization !== `Bearer ${hub.token}`)
    return refuse(response, 401, '', 'Invalid credentials in Authorization header')
  if (pathname === '/api/repos/create') return createRepo(hub, authorization, await readJson(request), response)
  const [, name = '', rest = ''] = /^(?:\/api\/models)?\/([^/]+\/[^/]+?)(?:\.git)?\/(.+)$/.exec(pathname) ?? []
  const repo = hub.repos.get(name)
  if (!repo || (repo.private && !authorization))
    return refuse(response, authorization ? 404 : 401, 'RepoNotFound', 'Repository not found')
  const [action, ...args] = rest.split('/').map(decodeURIComponent)
  if (repo.gated && !authorization && action !== 'revision')
    return refuse(response, 401, 'GatedRepo', `Access to model ${name} is restricted.`)
  if (method === 'POST') return write(hub, repo, action, args, authorization, request, response)
  const commit = repo.refs.get(args[0] === 'HEAD' ? 'main' : args[0]) ?? args[0]
  const files = repo.commits.get(commit)
  if (!files) return refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${args[0]}`)
  if (action === 'revision')
    return json(response, {
      _id: '1',
      id: name,
      private: repo.private,
      sha: commit,
      lastModified: new Date(0).toISOString(),
    })
  if (action === 'tree') return listTree(hub, files, pathname, Number(searchParams.get('cursor') ?? 0), response)
  const file = files.get(args[1])
  if (action !== 'resolve' || !file) return refuse(response, 404, 'EntryNotFound', 'Entry not found')
  const headers = { 'x-repo-commit': commit, 'x-linked-size': String(file.content.length), 'accept-ranges': 'bytes' }
  if (file.lfs)
    return response
      .writeHead(302, {
        ...headers,
        'x-linked-etag': `"${file.oid}"`,
        location: `${hub.cdn}/${name}/${commit}/${args[1]}`,
      })
      .end()
  return sendRange(response, file.content, range, { ...headers, etag: `"${file.oid}"` }, method)
}

function listTree(hub: State, files: Map<string, FakeFile>, path: string, start: number, response: ServerResponse) {
  const entries = [...files].map(([name, { content, oid, lfs }]) => ({
    type: name.endsWith('/') ? 'directory' : 'file',
    path: name,
    size: content.length,
    oid: lfs ? '0'.repeat(40) : oid,
    ...(lfs && { lfs: { oid, size: content.length, pointerSize: 134 } }),
  }))
  const end = start + PAGE_ENTRIES
  json(response, entries.slice(start, end), {
    ...(end < entries.length && { link: `<${hub.endpoint}${path}?cursor=${end}>; rel="next"` }),
  })
}

async function answerCdn(
  hub: State,
  method: string,
  path: string,
  range: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
) {
  if (method === 'PUT') {
    const content = await buffer(request)
    hub.uploads.set(sha256Of(content), content)
    return response.writeHead(200, { etag: '"part"' }).end()
  }
  const [owner, name, commit, file] = path.slice(1).split('/')
  const found = hub.repos.get(`${owner}/${name}`)?.commits.get(commit)?.get(decodeURIComponent(file))
  return found
    ? sendRange(response, found.content, range, { etag: `"${found.oid}"` }, method)
    : response.writeHead(404).end()
}

/** Sends content, or the part of it that is requested. */
export function sendRange(
  response: ServerResponse,
  content: Buffer,
  range: string | undefined,
  headers: Headers,
  method = 'GET',
): void {
  const start = Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0)
  const part = content.subarray(start)
  const isPart = range !== undefined
  response.writeHead(isPart ? 206 : 200, {
    ...headers,
    'content-length': part.length,
    ...(isPart && { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }),
  })
  response.end(method === 'HEAD' ? undefined : part)
}

const readJson = async (request: IncomingMessage) => JSON.parse(String(await buffer(request)))

function createRepo(
  hub: State,
  authorization: string | undefined,
  { name, organization, visibility }: { name: string; organization: string; visibility?: string },
  response: ServerResponse,
) {
  const id = `${organization}/${name}`
  if (!authorization) return refuse(response, 401, '', 'Invalid username or password.')
  if (organization === 'others') return refuse(response, 403, '', "You don't have the rights to create a model here")
  if (hub.repos.has(id)) return refuse(response, 409, '', 'You already created this model repo')
  const repo = makeRepo(id)
  repo.private = visibility === 'private'
  hub.repos.set(id, repo)
  addCommit(repo, 'main', { '.gitattributes': Buffer.from('*.safetensors filter=lfs\n') })
  return json(response, { url: `${hub.endpoint}/${id}`, id })
}

async function write(
  hub: State,
  repo: FakeRepo,
  action: string,
  args: readonly string[],
  authorization: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
) {
  if (!authorization) return refuse(response, 401, '', 'Invalid username or password.')
  if (repo.name.startsWith('others/')) return refuse(response, 403, '', 'You are not allowed to write here')
  if (action === 'branch') {
    if (repo.refs.has(args[0])) return refuse(response, 409, '', 'Reference already exists')
    repo.refs.set(args[0], repo.refs.get('main') ?? '')
    return json(response, {})
  }
  if (action === 'preupload') {
    const { files } = await readJson(request)
    const modeOf = (path: string) => (/\.(safetensors|bin)$/.test(path) ? 'lfs' : 'regular')
    return json(response, {
      files: files.map(({ path }: { path: string }) => ({ path, uploadMode: modeOf(path) })),
    })
  }
  if (action === 'info') {
    const { objects } = await readJson(request)
    const upload = (oid: string) => ({ upload: { href: `${hub.cdn}/upload/${oid}` } })
    return json(response, {
      transfer: 'basic',
      objects: objects.map(({ oid, size }: { oid: string; size: number }) => ({
        oid,
        size,
        ...(!hub.uploads.has(oid) && { actions: upload(oid) }),
      })),
    })
  }
  if (!repo.refs.has(args[0])) return refuse(response, 404, 'RevisionNotFound', 'Invalid rev id')
  const lines = String(await buffer(request))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const files = Object.fromEntries(
    lines
      .filter(({ key }) => key !== 'header')
      .map(({ key, value }) => [
        value.path,
        key === 'lfsFile' ? (hub.uploads.get(value.oid) as Buffer) : Buffer.from(value.content, 'base64'),
      ]),
  )
  const commit = addCommit(repo, args[0], files)
  return json(response, {
    success: true,
    commitOid: commit,
    commitUrl: `${hub.endpoint}/${repo.name}/commit/${commit}`,
  })
}
