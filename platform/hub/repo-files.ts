import { listFiles as listPages, modelInfo } from '@huggingface/hub'
import { z } from 'zod'
import { type HubName, type HubOrigin, isCommit } from '../../checkpoint/hub-name.ts'
import { GraftError, ignoreErrors } from '../../core/errors.ts'
import { makeHubFetch } from './fetch.ts'
import type { HubSettings } from './settings.ts'
import { throwCorruptDownload } from './throw-errors.ts'

/** A file in the root folder of a repository. */
export interface RepoFile {
  /** A plain name. */
  readonly name: string
  readonly size: number
  readonly algorithm: 'sha256' | 'git-sha1'
  /** The digest of the content, hex. With `git-sha1` it is the one that git names a blob by. */
  readonly digest: string
}

/** The most entries that are read. A repository of a model has a few dozen. */
const MAX_ENTRIES = 10_000

const size = z.int().nonnegative()
const entry = z.object({
  path: z.string(),
  size,
  oid: z.string().regex(/^[0-9a-f]{40}$/),
  lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size }).optional(),
})

/** Returns a repository, or undefined if it does not exist. */
export async function findRepo(repo: string, settings: HubSettings): Promise<{ private: boolean } | undefined> {
  const found = modelInfo({ name: repo, hubUrl: settings.endpoint, fetch: makeHubFetch(settings, repo) })
  return understood(repo, found.catch(ignoreErrors('hub_missing')))
}

/**
 * Returns the commit that a revision has now.
 * @throws GraftError the errors of {@link makeHubFetch}
 */
export async function resolveCommit({ repo, revision }: HubName, settings: HubSettings): Promise<string> {
  const { sha } = await understood(
    repo,
    modelInfo({
      name: repo,
      revision,
      additionalFields: ['sha'],
      hubUrl: settings.endpoint,
      fetch: makeHubFetch(settings, repo),
    }),
  )
  return isCommit(String(sha)) ? sha : throwCorruptDownload(repo, 'a commit', JSON.stringify(sha) ?? 'none')
}

/**
 * Lists the files in the root folder of a repository, without those that have a name that is unsafe as a path.
 * @throws GraftError the errors of {@link makeHubFetch}
 */
export async function listRepo({ repo, commit }: HubOrigin, settings: HubSettings): Promise<Map<string, RepoFile>> {
  const files = new Map<string, RepoFile>()
  const pages = listPages({
    repo: { type: 'model', name: repo },
    revision: commit,
    hubUrl: settings.endpoint,
    fetch: makeHubFetch(settings, repo),
  })
  for (let entries = 1; ; entries++) {
    const { done, value: item } = await understood(repo, pages.next())
    if (done) return files
    if (entries > MAX_ENTRIES) throwCorruptDownload(repo, `at most ${MAX_ENTRIES} files`, 'more')
    if (item.type !== 'file' || !isPlainName(item.path)) continue
    const parsed = entry.safeParse(item)
    if (!parsed.success) throwCorruptDownload(repo, `the size and digest of ${item.path}`, 'something else')
    const { path: name, size, oid, lfs } = parsed.data
    files.set(
      name,
      lfs
        ? { name, size: lfs.size, algorithm: 'sha256', digest: lfs.oid }
        : { name, size, algorithm: 'git-sha1', digest: oid },
    )
  }
}

/** Awaits a response. @throws GraftError `hub_corrupt` if it is not one of the hub, such as the page of a proxy */
export async function understood<T>(repo: string, response: Promise<T>): Promise<T> {
  try {
    return await response
  } catch (error) {
    if (error instanceof GraftError) throw error
    return throwCorruptDownload(repo, 'a response of the API of the hub', (error as Error).message)
  }
}

/** Returns whether a name is that of a file in the root folder, on every system. */
const isPlainName = (name: string): boolean => /^[A-Za-z0-9][\w.-]{0,199}$/.test(name)
