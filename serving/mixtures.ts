import type { Base } from '../checkpoint/base.ts'
import type { Pool } from '../graph/runtime/pool.ts'
import { modelOf } from '../model/architectures.ts'
import { type MethodConfig, parametersOf } from '../model/methods/registry.ts'
import { type AdapterProgram, loadAdapterProgram } from './adapter-program.ts'
import { type Configuration, openConfiguration } from './configuration.ts'
import type { Mixture, ReadyAdapter } from './queue-entry.ts'
import type { ServedBase } from './served-base.ts'

/** An adapter's membership in a mixture. */
export interface Membership {
  mixture: Mixture
  /** Ends the membership. The adapter must have no more rows. */
  leave(): void
}

/**
 * All mixtures of an engine. Small adapters of one configuration that only edit the forward pass share a mixture; each
 * other adapter has its own. Rows of different configurations never share a batch: every row would pay for the edits of
 * all of them, and on one core a batch of few rows is nearly as fast as one of many (docs/benchmarks.md).
 */
export interface Mixtures {
  /** Returns whether another adapter of this method may join, or some other adapter has to leave first. */
  hasRoomFor(method: MethodConfig): boolean
  /** Starts to compile the program of an adapter that is likely to join soon. */
  prepare(method: MethodConfig): void
  /** Finds a mixture for the adapter. Compiles the programs that do not exist yet. */
  join(adapter: Pick<ReadyAdapter, 'method' | 'values'>): Promise<Membership>
}

/** The maximum number of programs for single adapters. Each takes a few megabytes on every thread. */
const MAX_PROGRAMS = 64

/**
 * The maximum number of programs that keep their memory between batches, up to a hundred megabytes on every thread.
 * Most servers have fewer configurations.
 */
const MAX_KEEPING_PROGRAMS = 8

/** How long a configuration without adapters stays, because the next adapter is likely to have the same one. */
const LINGER_MS = 1000

/** Returns a key for a configuration. */
const configurationOf = (method: MethodConfig): string => JSON.stringify(method)

/** @param keepingPrograms how many programs may keep their memory between batches; a device has its own memory */
export function openMixtures(served: ServedBase, pool: Pool, keepingPrograms = MAX_KEEPING_PROGRAMS): Mixtures {
  const { base } = served
  const configurations = new Map<string, Configuration>()
  /** The programs of adapters that replace weights of the base; true for those that keep their memory. */
  const replacing = new Map<AdapterProgram, boolean>()

  const mayKeepMemory = (): boolean => {
    const keeping = [...configurations.values()].map(({ keepMemory }) => keepMemory).concat([...replacing.values()])
    return keeping.filter(Boolean).length < keepingPrograms
  }

  const findOrOpen = (method: MethodConfig): Configuration => {
    const key = configurationOf(method)
    const found = configurations.get(key) ?? openConfiguration(method, served, pool, mayKeepMemory())
    configurations.set(key, found)
    return found
  }

  const removeIfUnused = (method: MethodConfig, configuration: Configuration) => {
    const key = configurationOf(method)
    if (configuration.adapters > 0 || configurations.get(key) !== configuration) return
    configurations.delete(key)
    configuration.unload()
  }

  const removeLater = (method: MethodConfig, configuration: Configuration) => {
    setTimeout(removeIfUnused, LINGER_MS, method, configuration).unref()
  }

  async function joinConfiguration(method: MethodConfig): Promise<Membership> {
    const configuration = findOrOpen(method)
    configuration.adapters++
    try {
      const mixture = await configuration.findMixture()
      return {
        mixture,
        leave() {
          configuration.adapters--
          removeLater(method, configuration)
        },
      }
    } catch (error) {
      configuration.adapters--
      removeIfUnused(method, configuration)
      throw error
    }
  }

  const hasRoomFor = (method: MethodConfig): boolean => {
    const known = configurations.get(configurationOf(method))
    const inUse = [...configurations.values()].filter(({ adapters }) => adapters > 0)
    return (known !== undefined && known.adapters > 0) || inUse.length + replacing.size < MAX_PROGRAMS
  }

  return {
    hasRoomFor,
    prepare(method) {
      if (!replacesBase(method, base) && hasRoomFor(method)) removeLater(method, findOrOpen(method))
    },
    async join({ method, values }) {
      if (!replacesBase(method, base)) return joinConfiguration(method)
      const keepMemory = mayKeepMemory()
      const program = await loadAdapterProgram(method, served, pool, { own: values, keepMemory })
      replacing.set(program, keepMemory)
      return {
        mixture: program,
        leave() {
          replacing.delete(program)
          program.unload()
        },
      }
    },
  }
}

/** Returns whether the method's tensors replace tensors of the base. */
export function replacesBase(method: MethodConfig, base: Base): boolean {
  return parametersOf(method, modelOf(base)).some(({ name }) => base.tensors.has(name))
}
