import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { openArtifacts } from './artifacts/open-artifacts.ts'
import { openArtifactCache } from './files/cache.ts'
import { lazyJobQueue } from './queue/lazy-queue.ts'
import { openJobQueue } from './queue/pg-boss.ts'
import { graftHome } from './store/home.ts'
import { openStore, type StoreOptions } from './store/open-store.ts'
import type { WorkerOptions } from './worker/worker-options.ts'

export interface Backend extends Pick<WorkerOptions, 'store' | 'artifacts' | 'cache' | 'queue' | 'home'> {
  close(): Promise<void>
}

export interface BackendOptions extends Pick<StoreOptions, 'databaseUrl' | 'home'> {
  /** A folder or `s3://…`; GRAFT_ARTIFACTS where absent, or else a folder of the database's own in the home folder. */
  artifacts?: string
  /** The process only answers, and may be frozen after each request: it keeps no connection, and does not open the queue before it is used. */
  frozen?: boolean
}

/**
 * Opens what a worker works with, and nothing that answers.
 * @throws GraftError what is wrong with the database or the artifacts; nothing stays open then
 */
export async function openBackend({
  databaseUrl = process.env.DATABASE_URL,
  home = graftHome(),
  artifacts: location = process.env.GRAFT_ARTIFACTS || artifactsOf(home, databaseUrl),
  frozen = false,
}: BackendOptions = {}): Promise<Backend> {
  const artifacts = await openArtifacts(location)
  const store = await openStore({ databaseUrl, home, keepConnections: !frozen })
  try {
    const queue = frozen ? lazyJobQueue(() => openJobQueue(store)) : await openJobQueue(store)
    return {
      store,
      artifacts,
      cache: openArtifactCache(artifacts, join(home, 'cache')),
      queue,
      home,
      async close() {
        await queue.close()
        await store.close()
      },
    }
  } catch (error) {
    await store.close()
    throw error
  }
}

/** What one database does not refer to is collected, so two of them share no place. */
function artifactsOf(home: string, databaseUrl: string | undefined): string {
  if (!databaseUrl) return join(home, 'artifacts')
  const { host, pathname } = URL.parse(databaseUrl) ?? { host: databaseUrl, pathname: '' }
  return join(home, `artifacts-${createHash('sha256').update(`${host}${pathname}`).digest('hex').slice(0, 12)}`)
}
