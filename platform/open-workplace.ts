import { join } from 'node:path'
import { openArtifacts } from './artifacts/open-artifacts.ts'
import { openFolders } from './folders.ts'
import { openJobs } from './jobs/open-jobs.ts'
import type { WorkerOptions } from './jobs/worker-options.ts'
import { graftHome } from './store/home.ts'
import { openStore, type StoreOptions } from './store/open-store.ts'

export interface Workplace extends Pick<WorkerOptions, 'store' | 'artifacts' | 'folders' | 'jobs' | 'home'> {
  close(): Promise<void>
}

export interface WorkplaceOptions extends StoreOptions {
  /** A folder or `s3://…`; GRAFT_ARTIFACTS, or `artifacts` in the home folder, where absent. */
  artifacts?: string
}

/**
 * Opens what a worker works with, and nothing that answers.
 * @throws GraftError what is wrong with the database or the artifacts; nothing stays open then
 */
export async function openWorkplace({
  databaseUrl,
  home = graftHome(),
  artifacts: location = process.env.GRAFT_ARTIFACTS || join(home, 'artifacts'),
}: WorkplaceOptions = {}): Promise<Workplace> {
  const artifacts = await openArtifacts(location)
  const store = await openStore({ databaseUrl, home })
  try {
    const jobs = await openJobs(store)
    return {
      store,
      artifacts,
      folders: openFolders(artifacts, join(home, 'cache')),
      jobs,
      home,
      async close() {
        await jobs.close()
        await store.close()
      },
    }
  } catch (error) {
    await store.close()
    throw error
  }
}
