import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { HubOrigin } from '../../checkpoint/hub-name.ts'
import { requireDiskSpace } from '../../core/disk-space.ts'
import { syncFolder } from '../../core/durable.ts'
import { blobPath, sizeOf } from './cache.ts'
import { attemptsOf, isConnectionFailure, isTransient, pauseOf, retryAfter, throwFailure } from './fetch.ts'
import { CACHE_NAME, receiveOnce } from './receive.ts'
import type { RepoFile } from './repo-files.ts'
import type { HubSettings } from './settings.ts'
import { throwCorruptDownload, throwHubResponse } from './throw-errors.ts'

/** The bytes after which a connection has brought something, so that attempts are counted from the start again. */
const PROGRESS_BYTES = 2 ** 20

/**
 * Downloads a file into the cache, whole or not at all. It continues a download that was cut short. Only one process at
 * a time may call this for a repository.
 * @param onBytes called with the bytes that have been received of the file
 * @throws GraftError the errors of {@link throwHubResponse}; `hub_corrupt` if the content is not the listed one;
 *   `disk_full`
 */
export async function downloadFile(
  origin: HubOrigin,
  file: RepoFile,
  settings: HubSettings,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const blob = blobPath(settings.cache, origin.repo, file.digest)
  if ((await sizeOf(blob)) === file.size) return
  await mkdir(dirname(blob), { recursive: true })
  // Python's huggingface_hub has another lock and would continue a file with its own name for it.
  const partial = `${blob}.graft.incomplete`
  const had = await sizeOf(partial)
  await requireDiskSpace({ folder: dirname(blob), name: CACHE_NAME }, file.size - (had ?? 0))
  await receive(origin, file, partial, settings, onBytes)
  if (had !== undefined && (await hashOf(partial, file)) !== file.digest) {
    // The disk may have lost the end of what an earlier process wrote.
    await rm(partial)
    await receive(origin, file, partial, settings, onBytes)
  }
  const found = await hashOf(partial, file)
  if (found !== file.digest) {
    await rm(partial)
    throwCorruptDownload(`${origin.repo}/${file.name}`, `the ${file.algorithm} ${file.digest}`, found)
  }
  await rename(partial, blob)
  syncFolder(dirname(blob))
}

async function hashOf(path: string, { algorithm, size }: RepoFile): Promise<string> {
  const hash = algorithm === 'sha256' ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`)
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}

/** Completes the partial file over as many connections as it takes. */
async function receive(
  origin: HubOrigin,
  file: RepoFile,
  partial: string,
  settings: HubSettings,
  onBytes: (bytes: number) => void,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const before = (await sizeOf(partial)) ?? 0
    let pause = pauseOf(settings, attempt - 1)
    try {
      const refused = await receiveOnce(origin, file, partial, settings, onBytes)
      if (!refused) return
      if (attempt === attemptsOf(settings) || !isTransient(refused.response.status))
        throwHubResponse(refused.response, refused.text, origin.repo, settings)
      pause = retryAfter(refused.response) ?? pause
    } catch (error) {
      if (attempt === attemptsOf(settings) || !isConnectionFailure(error)) throwFailure(error, settings)
      if (((await sizeOf(partial)) ?? 0) - before >= PROGRESS_BYTES) attempt = 0
    }
    await delay(pause)
  }
}
