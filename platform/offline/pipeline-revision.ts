import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DEFAULT_REVISION, isCommit } from '../../checkpoint/hub-name.ts'
import { fail, GraftError } from '../../core/errors.ts'
import { type HubSettings, readHubSettings } from '../hub/settings.ts'

/** A comparison is retried if the hub does not respond, so one repetition is enough. */
const ATTEMPTS = 2

/**
 * Returns the commit that a pipeline of the hub has now, so that all of its files are of one revision. If the hub
 * cannot be reached, it is the commit of the last download.
 * @param cache the folder of downloads, which has a folder for each commit of a repository
 * @throws GraftError `pipeline_invalid` if the repository cannot be read; `hub_unavailable` without an earlier download
 */
export async function findPipelineCommit(
  model: string,
  cache: string,
  settings: HubSettings = readHubSettings(),
): Promise<string> {
  try {
    if (settings.offline) throwOffline(model)
    // The library of the hub takes a while to load.
    const { resolveCommit } = await import('../hub/repo-files.ts')
    return await resolveCommit({ repo: model, revision: DEFAULT_REVISION }, { ...settings, attempts: ATTEMPTS })
  } catch (error) {
    if (!(error instanceof GraftError)) throw error
    if (error.code === 'hub_unavailable') {
      const commit = await findDownloadedCommit(join(cache, model))
      if (commit !== undefined) return commit
      throw error
    }
    const { subject, problem = 'is not what it should be', fix } = error.detail
    const reason = `cannot be loaded: ${subject} ${problem}`
    return fail('pipeline_invalid', { subject: `the pipeline ${model}`, problem: reason, fix }, error)
  }
}

const throwOffline = (model: string): never =>
  fail('hub_unavailable', {
    subject: model,
    problem: 'has not been downloaded before, and HF_HUB_OFFLINE forbids to do so',
    fix: 'Unset HF_HUB_OFFLINE once, or use a folder.',
  })

/** Returns the commit whose folder is the newest, or undefined if there is none. */
async function findDownloadedCommit(folder: string): Promise<string | undefined> {
  const commits = (await readdir(folder).catch(() => [])).filter(isCommit)
  const dated = await Promise.all(
    commits.map(async (commit) => ({ commit, time: (await stat(join(folder, commit))).mtimeMs })),
  )
  return dated.sort((a, b) => b.time - a.time).at(0)?.commit
}
