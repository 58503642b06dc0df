import type { Logger } from '../core/logger.ts'
import type { Engine } from '../serving/engine-types.ts'
import type { Artifacts } from './artifacts/artifacts.ts'
import type { ArtifactCache } from './files/cache.ts'
import type { JobQueue } from './queue/queue.ts'
import type { KeyScope } from './schemas/statuses.ts'
import type { BaseRow } from './store/bases.ts'
import type { Store } from './store/store.ts'

/** What the use cases work with: one value a process, made where the process starts. */
export interface Platform {
  readonly store: Store
  readonly artifacts: Artifacts
  readonly cache: ArtifactCache
  readonly queue: JobQueue
  /** Answers on one base; an adapter's key there is the digest of its packed folder. */
  readonly engine: Engine
  /** The engine's base. */
  readonly base: BaseRow
  /** Receives each failure that is Graft's own fault. The caller sees only the request id, to quote in a report. */
  readonly logger: Logger
}

/** Who asks. */
export interface Caller {
  /** The id of the API key; empty where there are no keys. */
  readonly owner: string
  readonly scopes: readonly KeyScope[]
}
