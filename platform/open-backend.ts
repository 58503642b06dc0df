import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requireDiskSpace } from '../core/disk-space.ts'
import { openArtifactStorage } from './artifacts/open-artifacts.ts'
import { openArtifactCache } from './files/cache.ts'
import { lazyJobQueue } from './queue/lazy-queue.ts'
import { openJobQueue } from './queue/pg-boss.ts'
import { makePrivate } from './store/embedded/private-folder.ts'
import { graftHome, openStore, type StoreOptions } from './store/open-store.ts'
import type { WorkerOptions } from './worker/worker-options.ts'

/** The database, the artifact storage, the local cache and the queue: everything that a worker needs. */
export interface Backend
  extends Pick<
    WorkerOptions,
    | 'store'
    | 'artifacts'
    | 'cache'
    | 'queue'
    | 'home'
    | 'requireDiskReserve'
    | 'allowPrivateWebhooks'
    | 'allowPipelines'
    | 'pipelineBytes'
  > {
  close(): Promise<void>
}

export interface BackendOptions
  extends Pick<StoreOptions, 'databaseUrl' | 'home'>,
    Pick<WorkerOptions, 'allowPrivateWebhooks' | 'allowPipelines' | 'pipelineBytes'> {
  /**
   * A folder or `s3://…`. Defaults to GRAFT_ARTIFACTS, or else to a folder in the home folder, one for each database.
   */
  artifacts?: string
  /**
   * True for a process that may be frozen after each request. The backend then keeps no connection, and opens the queue
   * only when it is used. Defaults to false.
   */
  serverless?: boolean
}

/**
 * Opens the backend. The home folder becomes one that only its owner can enter.
 * @throws GraftError if the database or the artifact storage cannot be opened; nothing stays open then
 */
export async function openBackend({
  databaseUrl = process.env.DATABASE_URL,
  home = graftHome(),
  artifacts: location = process.env.GRAFT_ARTIFACTS || defaultArtifacts(home, databaseUrl),
  serverless = false,
  allowPrivateWebhooks,
  allowPipelines,
  pipelineBytes,
}: BackendOptions = {}): Promise<Backend> {
  makePrivate(home)
  const artifacts = await openArtifactStorage(location)
  const store = await openStore({ databaseUrl, home, keepConnections: !serverless })
  try {
    const queue = serverless ? lazyJobQueue(() => openJobQueue(store)) : await openJobQueue(store)
    return {
      store,
      artifacts,
      cache: openArtifactCache(artifacts, join(home, 'cache')),
      queue,
      home,
      allowPrivateWebhooks,
      allowPipelines,
      pipelineBytes,
      async requireDiskReserve() {
        await requireDiskSpace({ folder: home, name: 'the home folder' })
        await requireDiskSpace({ folder: tmpdir(), name: 'the temporary folder' })
      },
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

/**
 * Returns the default folder of the artifacts of a database. Databases do not share one, because garbage collection
 * removes every artifact that the database does not refer to.
 */
function defaultArtifacts(home: string, databaseUrl: string | undefined): string {
  if (!databaseUrl) return join(home, 'artifacts')
  const { host, pathname } = URL.parse(databaseUrl) ?? { host: databaseUrl, pathname: '' }
  return join(home, `artifacts-${createHash('sha256').update(`${host}${pathname}`).digest('hex').slice(0, 12)}`)
}
