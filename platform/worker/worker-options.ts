import type { Logger } from '../../core/logger.ts'
import type { DeviceKind } from '../../graph/runtime/devices/device-description.ts'
import type { Artifacts } from '../artifacts/artifacts.ts'
import type { ArtifactCache } from '../files/cache.ts'
import type { JobQueue } from '../queue/queue.ts'
import type { TrainingStatus } from '../schemas/statuses.ts'
import type { ShortWorkKind } from '../store/short-work.ts'
import type { Store } from '../store/store.ts'

/** What a worker did with a training, an evaluation or a comparison, or begins to do. */
export type WorkerNews =
  | { training: string; slice: number; status: TrainingStatus; step?: number; total_steps?: number }
  | ({ [K in ShortWorkKind]?: string } & { status: 'running' | 'succeeded' | 'failed' | 'queued' })

export interface WorkerOptions {
  readonly store: Store
  readonly artifacts: Artifacts
  readonly cache: ArtifactCache
  readonly queue: JobQueue
  /** Slices train in `work/` there, on a disk of this machine. */
  readonly home: string
  /** What the trainings' rows call it, beside the number of its process; the machine's name where absent. */
  readonly name?: string
  /** How long a slice trains, beside what it takes to begin; 600 where absent. */
  readonly sliceSeconds?: number
  /** Threads that train or measure; as the training asks for where absent. */
  readonly threads?: number
  /** Where it trains, in place of what the training asks for. */
  readonly device?: DeviceKind
  /** Receives failures that stop nothing, because the work is retried. */
  readonly logger: Logger
  /** Told of each beginning and end. */
  tell?(news: WorkerNews): void
}
