import type { Base } from '../checkpoint/base.ts'
import type { Pool } from '../graph/runtime/pool.ts'
import type { Model } from '../model/architecture.ts'
import { type MethodConfig, needsOwnBatch, parametersOf, virtualTokensOf } from '../model/methods/registry.ts'
import { totalSize } from '../model/tensor-shapes.ts'
import type { AdapterProgram } from './adapter-program.ts'
import { MAX_BATCH_BYTES } from './batching.ts'
import type { Mixture, ReadyAdapter } from './queue-entry.ts'
import { configurationOf, openSharedProgram } from './shared-program.ts'

/**
 * Configurations that share a program. Every row of a mixed batch costs the edits of all of them: at T5-small's shape
 * and 1,024 tokens, four cost 20 to 75 percent more than one, and eight cost twice that. A program of eight takes half
 * a second to load instead of 0.13.
 */
const MAX_SLOTS = 4

/**
 * The bytes of parameters that a shared program gathers for each row, from all its slots. In a mixed batch a row pays
 * for every slot, so a large configuration would make the batches of all others small. With this limit, about 8 rows
 * always fit. A LoRA of rank 8 on the queries and values of T5-small has 1.2 MB.
 */
const MAX_SHARED_BYTES = MAX_BATCH_BYTES / 32

/** In a mixed batch, every row also gets the positions that any of the configurations adds. */
const MAX_SHARED_VIRTUAL_TOKENS = 32

/** The adapters of one configuration. */
export interface Configuration {
  readonly method: MethodConfig
  /** Runs batches of a single adapter. Set before the first adapter is ready. */
  program?: AdapterProgram
  /** How many adapters have it. */
  adapters: number
}

/** Configurations whose rows share batches. */
export interface MixtureGroup {
  readonly mixture: Mixture
  readonly isEmpty: boolean
  hasRoomFor(method: MethodConfig): boolean
  add(configuration: Configuration): void
  remove(configuration: Configuration): void
  /**
   * Makes the shared program fit the configurations, after all earlier changes. There is none as long as the group has
   * a single adapter.
   */
  update(): Promise<void>
}

const sharedBytesOf = (method: MethodConfig, model: Model): number => 4 * totalSize(parametersOf(method, model))

/** Returns whether adapters of this configuration may share batches with others. */
export const isShareable = (method: MethodConfig, model: Model): boolean =>
  !needsOwnBatch(method) &&
  sharedBytesOf(method, model) <= MAX_SHARED_BYTES &&
  virtualTokensOf(method) <= MAX_SHARED_VIRTUAL_TOKENS

export function openMixtureGroup(base: Base, model: Model, pool: Pool): MixtureGroup {
  const shared = openSharedProgram(base, pool)
  /** By configuration. */
  const members = new Map<string, Configuration>()
  /** The configurations that the current shared program includes. */
  let slots: ReadonlySet<string> = new Set()
  let changed: Promise<void> = Promise.resolve()

  const programOf = ({ method }: ReadyAdapter): AdapterProgram =>
    members.get(configurationOf(method))?.program as AdapterProgram

  async function change(): Promise<void> {
    const adapters = [...members.values()].reduce((sum, member) => sum + member.adapters, 0)
    const wanted = new Map(adapters > 1 ? members : [])
    const isComplete = [...wanted.keys()].every((key) => slots.has(key))
    const isStale = [...slots].some((key) => !members.has(key))
    if (isComplete && !isStale) return
    await shared.setConfigurations([...wanted.values()].map(({ method }) => method))
    slots = new Set(wanted.keys())
  }

  return {
    mixture: {
      batchBytes: (adapter) => {
        const single = programOf(adapter).batchBytes(adapter)
        return (rows, shape) => (shape.isMixed ? shared.batchBytes : single)(rows, shape)
      },
      computeLogits(entries) {
        const [{ adapter }] = entries
        const isMixed = entries.some((entry) => entry.adapter !== adapter)
        return isMixed ? shared.computeLogits(entries) : programOf(adapter).computeLogits(entries)
      },
    },
    get isEmpty() {
      return members.size === 0
    },
    hasRoomFor(method) {
      const bytes = [...members.values()].reduce((sum, member) => sum + sharedBytesOf(member.method, model), 0)
      return members.size < MAX_SLOTS && bytes + sharedBytesOf(method, model) <= MAX_SHARED_BYTES
    },
    add: (configuration) => void members.set(configurationOf(configuration.method), configuration),
    remove: ({ method }) => void members.delete(configurationOf(method)),
    update() {
      changed = changed.catch(() => {}).then(change)
      return changed
    },
  }
}
