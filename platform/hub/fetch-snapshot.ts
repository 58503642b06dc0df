import { type HubName, type HubOrigin, isCommit, snapshotFolder } from '../../checkpoint/hub-name.ts'
import { CARD_FILE } from '../../checkpoint/model-card.ts'
import { fail, GraftError } from '../../core/errors.ts'
import type { DownloadPlan } from './base-plan.ts'
import { addToSnapshot, findCachedCommit, withRepoLock, writeRef } from './cache.ts'
import { downloadFile } from './download-file.ts'
import type { RepoFile } from './repo-files.ts'
import { type HubSettings, readHubSettings } from './settings.ts'
import { throwCorruptDownload } from './throw-errors.ts'

/** A receiver of the progress of downloads and uploads. */
export interface HubListener {
  /** Called with the bytes so far and those of all files that are known to be needed. */
  onBytes?(repo: string, done: number, total: number): void
  /** Called with a sentence about something unusual, such as the use of an older copy. Defaults to a line on stderr. */
  onNotice?(sentence: string): void
}

/** With a copy at hand, the hub has this long to respond, once. */
const QUICK_TIMEOUT_MS = 10_000

/**
 * Returns the folder of a repository's files in the cache, after downloading those that are missing. If the hub cannot
 * be reached, this is the copy of the last download.
 * @throws GraftError `hub_unavailable` without such a copy; `hub_missing`, `hub_denied`, `hub_refused`, `hub_corrupt`,
 *   `disk_full`; the errors of files that cannot be what is wanted
 */
export async function fetchSnapshot(
  name: HubName,
  plan: DownloadPlan,
  { onBytes = () => {}, onNotice = writeNotice }: HubListener = {},
  settings: HubSettings = readHubSettings(),
): Promise<string> {
  const copy = await findCopy(name, plan, settings)
  if (settings.offline) return copy ?? throwOffline(name)
  try {
    const commit = await findCommit(name, copy ? { ...settings, ...quick(settings) } : settings)
    const origin = { repo: name.repo, commit }
    const onWait = () => onNotice(`Waiting for another process that downloads ${name.repo} …`)
    await withRepoLock(settings.cache, name.repo, () => download(origin, plan, onBytes, settings), onWait)
    await writeRef(settings.cache, name, commit)
    return snapshotFolder(settings.cache, origin)
  } catch (error) {
    if (!copy || !(error instanceof GraftError) || error.code !== 'hub_unavailable') throw error
    onNotice(`${error.detail.subject} ${error.detail.problem}. Using the copy of ${name.repo} in the cache.`)
    return copy
  }
}

const quick = ({ timeoutMs = QUICK_TIMEOUT_MS }: HubSettings) => ({
  attempts: 1,
  timeoutMs: Math.min(timeoutMs, QUICK_TIMEOUT_MS),
})

const writeNotice = (sentence: string): void => void process.stderr.write(`${sentence}\n`)

async function findCopy(name: HubName, plan: DownloadPlan, { cache }: HubSettings): Promise<string | undefined> {
  const commit = await findCachedCommit(cache, name)
  if (commit === undefined) return undefined
  const dir = snapshotFolder(cache, { repo: name.repo, commit })
  return (await plan.isUsable(dir)) ? dir : undefined
}

const throwOffline = ({ repo, revision }: HubName): never =>
  fail('hub_unavailable', {
    subject: `${repo}@${revision}`,
    problem: 'is not in the cache, and HF_HUB_OFFLINE forbids to download it',
    fix: 'Unset HF_HUB_OFFLINE once, or use a revision that was downloaded before.',
  })

async function findCommit(name: HubName, settings: HubSettings): Promise<string> {
  // The library of the hub takes a while to load.
  const { resolveCommit } = await import('./repo-files.ts')
  const commit = await resolveCommit(name, settings)
  if (isCommit(name.revision) && commit !== name.revision)
    throwCorruptDownload(name.repo, `the commit ${name.revision}`, commit)
  return commit
}

/** Downloads what is missing, small files first. */
async function download(
  origin: HubOrigin,
  plan: DownloadPlan,
  onBytes: (repo: string, done: number, total: number) => void,
  settings: HubSettings,
): Promise<void> {
  const { repo } = origin
  const { listRepo } = await import('./repo-files.ts')
  const files = await listRepo(origin, settings)
  const dir = snapshotFolder(settings.cache, origin)
  let [done, total] = [0, 0]
  // Nothing depends on a model card, so one that is too large is left out.
  if ((files.get(CARD_FILE)?.size ?? 0) > plan.limits.jsonBytes) files.delete(CARD_FILE)
  for await (const names of plan.filesOf(new Set(files.keys()), dir, repo)) {
    const batch = names.map((name) => files.get(name) ?? throwMissing(repo, name))
    for (const file of batch) requireAllowedSize(file, plan, repo)
    total += batch.reduce((sum, { size }) => sum + size, 0)
    for (const file of batch) {
      await downloadFile(origin, file, settings, (received) => onBytes(repo, done + received, total))
      await addToSnapshot(settings.cache, origin, file.name, file.digest)
      done += file.size
    }
  }
}

const throwMissing = (repo: string, name: string): never =>
  fail('hub_missing', {
    subject: `${repo}/${name}`,
    problem: 'does not exist, although another file of the repository names it',
    fix: 'Use another revision, or report this to the owner of the repository.',
  })

function requireAllowedSize({ name, size }: RepoFile, { limits, weightsBytes }: DownloadPlan, repo: string): void {
  const allowed = /\.(safetensors|bin)$/.test(name) ? weightsBytes : limits.jsonBytes
  if (size > allowed) throwCorruptDownload(`${repo}/${name}`, `at most ${allowed} bytes`, `${size} bytes`)
}
