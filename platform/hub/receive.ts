import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { HubOrigin } from '../../checkpoint/hub-name.ts'
import { leaveReserve } from '../../core/disk-space.ts'
import { sizeOf } from './cache.ts'
import { makeConnectionError, makeTimeout, readBody, timeoutOf, withToken } from './fetch.ts'
import type { RepoFile } from './repo-files.ts'
import type { HubSettings } from './settings.ts'
import { throwCorruptDownload } from './throw-errors.ts'

/** The folder of downloads in errors. */
export const CACHE_NAME = 'the cache of the hub'

/** A response that is not ok, and its text. */
interface Refused {
  response: Response
  text: string
}

/**
 * Requests the part of a file that the partial file lacks, and appends it. If the response has the whole file, it
 * replaces the partial file.
 * @throws an error of the connection if it ended early, or if nothing came for too long; what came is kept
 * @throws GraftError `hub_corrupt` if more came than the size of the file; `disk_full`
 */
export async function receiveOnce(
  origin: HubOrigin,
  file: RepoFile,
  partial: string,
  settings: HubSettings,
  onBytes: (bytes: number) => void,
): Promise<Refused | undefined> {
  const had = (await sizeOf(partial)) ?? 0
  const offset = had > file.size ? 0 : had
  if (had === file.size && had > 0) return undefined
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(makeTimeout()), timeoutOf(settings))
  try {
    const response = await fetch(urlOf(origin, file, settings), {
      headers: withToken(urlOf(origin, file, settings), headersFrom(offset), settings),
      signal: controller.signal,
    })
    if (!response.ok) return { response, text: String(await readBody(response, origin.repo)) }
    const start = response.status === 206 ? offset : 0
    if (response.status === 206) requireRange(response, origin, file, offset)
    await append(response, file, { path: partial, start, origin }, (bytes) => {
      timer.refresh()
      onBytes(bytes)
    })
    return undefined
  } finally {
    clearTimeout(timer)
  }
}

const urlOf = ({ repo, commit }: HubOrigin, { name }: RepoFile, { endpoint }: HubSettings): string =>
  `${endpoint}/${repo}/resolve/${commit}/${encodeURIComponent(name)}`

/** A compressed response would have other offsets. */
const headersFrom = (offset: number): Record<string, string> => ({
  'accept-encoding': 'identity',
  ...(offset > 0 && { range: `bytes=${offset}-` }),
})

function requireRange({ headers }: Response, { repo }: HubOrigin, { name }: RepoFile, offset: number): void {
  const range = headers.get('content-range') ?? 'no content-range'
  if (!range.startsWith(`bytes ${offset}-`))
    throwCorruptDownload(`${repo}/${name}`, `a response from byte ${offset}`, JSON.stringify(range.slice(0, 60)))
}

async function append(
  { body }: Response,
  { name, size }: RepoFile,
  { path, start, origin }: { path: string; start: number; origin: HubOrigin },
  onBytes: (bytes: number) => void,
): Promise<void> {
  const handle = await open(path, start === 0 ? 'w' : 'a')
  try {
    let bytes = start
    for await (const chunk of leaveReserve(body ?? [], { folder: dirname(path), name: CACHE_NAME })) {
      bytes += chunk.length
      if (bytes > size) throwCorruptDownload(`${origin.repo}/${name}`, `${size} bytes`, 'more')
      await handle.writeFile(chunk)
      onBytes(bytes)
    }
    await handle.sync()
    if (bytes < size) throw makeConnectionError(`it ended after ${bytes} of ${size} bytes`)
  } finally {
    await handle.close()
  }
}
