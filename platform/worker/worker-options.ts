import type { Logger } from '../../core/logger.ts'
import type { DeviceKind } from '../../graph/runtime/devices/device-description.ts'
import type { ArtifactStorage } from '../artifacts/artifacts.ts'
import type { ArtifactCache } from '../files/cache.ts'
import type { JobQueue } from '../queue/queue.ts'
import type { TrainingStatus } from '../schemas/statuses.ts'
import type { ShortWorkKind } from '../store/short-work.ts'
import type { Store } from '../store/store.ts'
import type { StepCounts } from './count-steps.ts'

/** The start or the end of a slice, an evaluation or a comparison, with the field names of the log. */
export type WorkerEvent =
  | { training_id: string; slice: number; status: TrainingStatus; step?: number; total_steps?: number }
  | ({ [K in ShortWorkKind as `${K}_id`]?: string } & { status: 'running' | 'succeeded' | 'failed' | 'queued' })

export interface WorkerOptions {
  readonly store: Store
  readonly artifacts: ArtifactStorage
  readonly cache: ArtifactCache
  readonly queue: JobQueue
  /** Rejects with `disk_full` if this machine has too little free space to start work. */
  readonly requireDiskReserve: () => Promise<void>
  /** The home folder, on a disk of this machine. Slices train in its folder `work/`. */
  readonly home: string
  /**
   * The name of the worker in the rows of its trainings, together with its process id. Defaults to the name of the
   * machine.
   */
  readonly name?: string
  /** How long a slice trains after its first step. Defaults to 600. */
  readonly sliceSeconds?: number
  /** Threads that train or evaluate. Defaults to the setting of each training. */
  readonly threads?: number
  /** The device that trains or evaluates. Defaults to the setting of each training. */
  readonly device?: DeviceKind
  /** Delivers to webhooks over http and at addresses that are not public, too. Defaults to false. */
  readonly allowPrivateWebhooks?: boolean
  /** Downloads the pipelines of comparisons from the hub and runs them. Defaults to false. */
  readonly allowPipelines?: boolean
  /** The most bytes to download for each pipeline. Defaults to no limit. */
  readonly pipelineBytes?: number
  /** Receives errors that do not stop the worker, because the work is retried. */
  readonly logger: Logger
  /** Called when work starts and when it ends. */
  onEvent?(event: WorkerEvent): void
  /** Called while trainings run. */
  onSteps?(steps: StepCounts): void
}
