import type { Base } from '../checkpoint/base.ts'
import type { Pool } from '../graph/runtime/pool.ts'
import { modelOf } from '../model/architectures.ts'
import { type MethodConfig, parametersOf } from '../model/methods/registry.ts'
import { type AdapterProgram, loadAdapterProgram } from './adapter-program.ts'
import { type Configuration, isShareable, type MixtureGroup, openMixtureGroup } from './mixture-group.ts'
import type { Mixture, ReadyAdapter } from './queue-entry.ts'
import { configurationOf } from './shared-program.ts'

/** An adapter's membership in a mixture. */
export interface Membership {
  mixture: Mixture
  /** Ends the membership. The adapter must have no more rows. */
  leave(): void
}

/**
 * All mixtures of an engine. Adapters that are small and only edit the forward pass share mixtures; each other adapter
 * has its own.
 */
export interface Mixtures {
  /** Returns whether another adapter of this method may join, or some other adapter has to leave first. */
  hasRoomFor(method: MethodConfig): boolean
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

interface SharedConfiguration extends Configuration {
  /** Loads its program. */
  readonly loading: Promise<AdapterProgram>
  readonly keepMemory: boolean
  /** The group in which its rows share batches with those of other adapters. */
  readonly group?: MixtureGroup
}

/** @param keepingPrograms how many programs may keep their memory between batches; a device has its own memory */
export function openMixtures(base: Base, pool: Pool, keepingPrograms = MAX_KEEPING_PROGRAMS): Mixtures {
  const model = modelOf(base)
  const configurations = new Map<string, SharedConfiguration>()
  const groups = new Set<MixtureGroup>()
  /** The programs of adapters that replace weights of the base; true for those that keep their memory. */
  const replacing = new Map<AdapterProgram, boolean>()

  const mayKeepMemory = (): boolean => {
    const keeping = [...configurations.values()].map(({ keepMemory }) => keepMemory).concat([...replacing.values()])
    return keeping.filter(Boolean).length < keepingPrograms
  }

  const openGroup = (): MixtureGroup => {
    const group = openMixtureGroup(base, model, pool)
    groups.add(group)
    return group
  }

  const findOrAdd = (method: MethodConfig): SharedConfiguration => {
    const key = configurationOf(method)
    const known = configurations.get(key)
    if (known) return known
    const group = isShareable(method, model)
      ? ([...groups].find((one) => one.hasRoomFor(method)) ?? openGroup())
      : undefined
    const keepMemory = mayKeepMemory()
    const loading = loadAdapterProgram(method, base, pool, { keepMemory })
    const added = { method, adapters: 0, loading, keepMemory, group }
    configurations.set(key, added)
    group?.add(added)
    return added
  }

  const removeIfUnused = (configuration: SharedConfiguration) => {
    const { method, adapters, group, program } = configuration
    const key = configurationOf(method)
    if (adapters > 0 || configurations.get(key) !== configuration) return
    configurations.delete(key)
    program?.unload()
    group?.remove(configuration)
    if (group?.isEmpty) groups.delete(group)
    // If the smaller program fails to load, the current one continues to serve.
    group?.update().catch(() => {})
  }

  async function joinConfiguration(method: MethodConfig): Promise<Membership> {
    const configuration = findOrAdd(method)
    configuration.adapters++
    try {
      configuration.program = await configuration.loading
      await configuration.group?.update()
    } catch (error) {
      configuration.adapters--
      removeIfUnused(configuration)
      throw error
    }
    const { group, program } = configuration
    return {
      // Rows of different adapters without a group never share a batch, so each adapter has its own mixture.
      mixture: group?.mixture ?? { ...program },
      leave() {
        configuration.adapters--
        setTimeout(removeIfUnused, LINGER_MS, configuration).unref()
      },
    }
  }

  return {
    hasRoomFor(method) {
      const known = configurations.get(configurationOf(method))
      const inUse = [...configurations.values()].filter(({ adapters }) => adapters > 0)
      return (known !== undefined && known.adapters > 0) || inUse.length + replacing.size < MAX_PROGRAMS
    },
    async join({ method, values }) {
      if (!replacesBase(method, base)) return joinConfiguration(method)
      const keepMemory = mayKeepMemory()
      const program = await loadAdapterProgram(method, base, pool, { own: values, keepMemory })
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
