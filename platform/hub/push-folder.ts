import { openAsBlob } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createBranch, createRepo, HubApiError, uploadFiles } from '@huggingface/hub'
import { DEFAULT_REVISION, type HubName, isCommit } from '../../checkpoint/hub-name.ts'
import { CARD_FILE } from '../../checkpoint/model-card.ts'
import { fail, ignoreErrors } from '../../core/errors.ts'
import { makeHubFetch } from './fetch.ts'
import type { HubListener } from './fetch-snapshot.ts'
import { findRepo, listRepo, resolveCommit, understood } from './repo-files.ts'
import { type HubSettings, readHubSettings } from './settings.ts'
import { throwCorruptDownload } from './throw-errors.ts'

interface PushOptions {
  /** The title of the commit. */
  title: string
  /** True to create the repository as a private one. Defaults to the default of its owner. */
  isPrivate?: boolean
}

export interface Pushed {
  /** The page of the repository. */
  url: string
  commit: string
}

/**
 * Uploads the files of a folder as one commit. Creates the repository and the branch if they do not exist. A model card
 * that is there stays.
 * @param name the repository, and the branch as its revision
 * @throws GraftError `hub_denied` without a token or the right to write; `usage` if a private repository is wanted and
 *   it is public; the other errors of {@link makeHubFetch}
 */
export async function pushFolder(
  dir: string,
  { repo, revision: branch }: HubName,
  { title, isPrivate = false }: PushOptions,
  { onNotice = () => {} }: HubListener = {},
  settings: HubSettings = readHubSettings(),
): Promise<Pushed> {
  requireUpload(settings)
  await ensureRepo(repo, isPrivate, onNotice, settings)
  if (branch !== DEFAULT_REVISION) await isNew(repo, createBranch({ ...targetOf(repo, settings), branch }))
  const kept = await findCard({ repo, revision: branch }, settings)
  if (kept.size > 0) onNotice(`The ${CARD_FILE} of ${repo} stays as it is.`)
  const names = (await readdir(dir)).filter((name) => !kept.has(name)).sort()
  const files = await Promise.all(names.map(async (path) => ({ path, content: await openAsBlob(join(dir, path)) })))
  const bytes = files.reduce((sum, { content }) => sum + content.size, 0)
  onNotice(`Uploading ${files.length} files, ${(bytes / 1e6).toFixed(1)} MB, to ${repo} …`)
  const target = { ...targetOf(repo, settings), fetch: makeHubFetch(settings, repo) }
  const output = await understood(repo, uploadFiles({ ...target, files, branch, commitTitle: title, useXet: false }))
  const commit = String(output?.commit.oid)
  if (!isCommit(commit)) throwCorruptDownload(repo, 'a commit', JSON.stringify(commit))
  const page = `${settings.endpoint}/${repo}`
  return { url: branch === DEFAULT_REVISION ? page : `${page}/tree/${encodeURIComponent(branch)}`, commit }
}

/** Returns the name of the card if the repository has one: its owner may have written it. */
async function findCard(name: HubName, settings: HubSettings): Promise<ReadonlySet<string>> {
  const commit = await resolveCommit(name, settings).catch(ignoreErrors('hub_missing'))
  const files = commit === undefined ? undefined : await listRepo({ repo: name.repo, commit }, settings)
  return new Set(files?.has(CARD_FILE) ? [CARD_FILE] : [])
}

/** The status of a response to the creation of something that exists. */
const EXISTS = 409

/** The library only accepts tokens that begin like this. The real one is added to the request by `makeHubFetch`. */
const ANY_TOKEN = 'hf_'

function requireUpload({ endpoint, token, offline }: HubSettings): void {
  if (offline)
    fail('hub_unavailable', {
      subject: endpoint,
      problem: 'is not used, because HF_HUB_OFFLINE is set',
      fix: 'Unset HF_HUB_OFFLINE to upload.',
    })
  if (!token)
    fail('hub_denied', {
      subject: 'HF_TOKEN',
      problem:
        'is not set, hf auth login has stored no token that may be used, and the hub accepts no upload without one',
      fix: `Create a token with the right to write at ${endpoint}/settings/tokens, and set HF_TOKEN to it. HF_HUB_DISABLE_IMPLICIT_TOKEN must not be set.`,
    })
}

const throwPublic = (repo: string): never =>
  fail('usage', {
    subject: '--private',
    problem: `cannot be used, because ${repo} exists and is public`,
    fix: 'Make it private on its page, or upload to another repository.',
  })

/** Returns the parameters that the functions of the library share. */
const targetOf = (repo: string, settings: HubSettings) => ({
  repo: { type: 'model', name: repo } as const,
  hubUrl: settings.endpoint,
  fetch: makeHubFetch(settings, repo, (status) => status === EXISTS),
})

async function ensureRepo(
  repo: string,
  isPrivate: boolean,
  onNotice: (sentence: string) => void,
  settings: HubSettings,
): Promise<void> {
  const existing = await findRepo(repo, settings)
  if (!existing) {
    const options = { ...targetOf(repo, settings), ...(isPrivate && { visibility: 'private' as const }) }
    if (await isNew(repo, createRepo({ ...options, accessToken: ANY_TOKEN })))
      return onNotice(`Created ${isPrivate ? 'the private repository ' : ''}${repo}`)
  }
  if (isPrivate && !existing?.private) throwPublic(repo)
}

/** Awaits the creation of something. @returns false if it exists already */
async function isNew(repo: string, creation: Promise<unknown>): Promise<boolean> {
  const outcome = creation.then(
    () => true,
    (error: unknown) => {
      if (error instanceof HubApiError && error.statusCode === EXISTS) return false
      throw error
    },
  )
  return understood(repo, outcome)
}
