import type { Logger } from '../core/logger.ts'
import type { Engine } from '../serving/engine-types.ts'
import type { ArtifactStorage } from './artifacts/artifacts.ts'
import type { ArtifactCache } from './files/cache.ts'
import type { Uploads } from './files/uploads.ts'
import type { JobQueue } from './queue/queue.ts'
import type { KeyScope } from './schemas/statuses.ts'
import type { BaseRow } from './store/bases.ts'
import type { Store } from './store/store.ts'

/** The services that the use cases need. A process opens them once, when it starts. */
export interface Platform {
  readonly store: Store
  readonly artifacts: ArtifactStorage
  readonly cache: ArtifactCache
  readonly uploads: Uploads
  readonly queue: JobQueue
  /** Answers predictions. It identifies an adapter by the digest of its packed folder, and a base by its id. */
  readonly engine: Engine
  /** The bases of the engine, the default one first. */
  readonly bases: readonly [BaseRow, ...BaseRow[]]
  /** Rejects with `disk_full` if this machine has too little free space to accept anything new. */
  readonly requireDiskReserve: () => Promise<void>
  /** Accepts webhooks over http and at addresses that are not public. Defaults to false. */
  readonly allowPrivateWebhooks?: boolean
  /** Accepts comparisons with pipelines, which workers download from the hub. Defaults to false. */
  readonly allowPipelines?: boolean
  /** Receives each failure that is Graft's own fault. The caller sees only the request id, to quote in a report. */
  readonly logger: Logger
}

/** The client that makes a request. */
export interface Caller {
  /** The id of its API key. Empty if the server has no keys. */
  readonly owner: string
  readonly scopes: readonly KeyScope[]
}
