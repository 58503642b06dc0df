import type { Pool } from '../graph/runtime/pool.ts'
import type { Model } from '../model/architecture.ts'
import { type MethodConfig, needsOwnBatch, parametersOf } from '../model/methods/registry.ts'
import { totalSize } from '../model/tensor-shapes.ts'
import { loadAdapterProgram } from './adapter-program.ts'
import { MAX_BATCH_BYTES } from './batching.ts'
import type { Mixture } from './queue-entry.ts'
import type { ServedBase } from './served-base.ts'
import { loadSharedProgram, type SharedProgram } from './shared-program.ts'

/** The programs of all adapters of one configuration. */
export interface Configuration {
  /** How many adapters use it. */
  adapters: number
  /** True if its program keeps its memory between batches. */
  readonly keepMemory: boolean
  /**
   * Returns the mixture of a further adapter, which `adapters` includes. Compiles the programs that do not exist
   * yet: one for batches of a single adapter and, for the second adapter, one for batches of several.
   */
  findMixture(): Promise<Mixture>
  /** Unloads the programs. No batch may run on them. */
  unload(): void
}

/**
 * The bytes of parameters that a row in a batch of several adapters brings along. With this limit, about 16 rows always
 * fit. A LoRA of rank 8 on the queries and values of T5-small has 1.2 MB.
 */
const MAX_SHARED_BYTES = MAX_BATCH_BYTES / 32

/** Returns whether batches may have rows of several adapters of this configuration. */
const isShareable = (method: MethodConfig, model: Model): boolean =>
  !needsOwnBatch(method) && 4 * totalSize(parametersOf(method, model)) <= MAX_SHARED_BYTES

export function openConfiguration(
  method: MethodConfig,
  served: ServedBase,
  pool: Pool,
  keepMemory: boolean,
): Configuration {
  const loading = loadAdapterProgram(method, served, pool, { keepMemory })
  // A caller that needs the program gets the error. Perhaps none does.
  loading.catch(() => {})
  let loadingShared: Promise<SharedProgram> | undefined
  let shared: SharedProgram | undefined
  let mixture: Mixture | undefined

  const loadShared = async () => {
    loadingShared ??= loadSharedProgram(method, served, pool)
    try {
      shared = await loadingShared
    } catch (error) {
      loadingShared = undefined
      throw error
    }
  }

  return {
    adapters: 0,
    keepMemory,
    async findMixture() {
      const single = await loading
      // Rows of different adapters never share a batch here, so each adapter has a mixture of its own.
      if (!isShareable(method, served.model)) return { ...single }
      if (this.adapters > 1) await loadShared()
      mixture ??= {
        batchBytes: (adapter) => {
          const alone = single.batchBytes(adapter)
          return (rows, shape) => {
            if (!shape.isMixed) return alone(rows, shape)
            return shared ? shared.batchBytes(rows, shape) : Number.POSITIVE_INFINITY
          }
        },
        computeLogits(entries) {
          const [{ adapter }] = entries
          const isMixed = entries.some((entry) => entry.adapter !== adapter)
          return isMixed && shared ? shared.computeLogits(entries) : single.computeLogits(entries)
        },
        explainer: single.explainer,
      }
      return mixture
    },
    unload() {
      for (const program of [loading, loadingShared]) program?.then(({ unload }) => unload()).catch(() => {})
    },
  }
}
