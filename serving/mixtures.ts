import type { Base } from '../checkpoint/base.ts'
import type { Pool } from '../graph/runtime/pool.ts'
import type { Model } from '../model/architecture.ts'
import { modelOf } from '../model/architectures.ts'
import { type MethodConfig, parametersOf } from '../model/methods/registry.ts'
import { packTensors } from '../model/tensor-shapes.ts'
import { configurationOf, type EditableMixture, openMixture } from './mixture.ts'
import type { Mixture, ReadyAdapter } from './queue-entry.ts'

/** An adapter's membership in a mixture. */
export interface Membership {
  mixture: Mixture
  /** Ends the membership. The adapter must have no more rows. */
  leave(): void
}

/**
 * All mixtures of an engine. Adapters that only edit the forward pass share mixtures; each adapter that replaces
 * weights of the base has a separate one.
 */
export interface Mixtures {
  /** Finds a mixture for the adapter. Compiles a program if none includes the adapter's configuration. */
  join(adapter: Pick<ReadyAdapter, 'method' | 'values'>): Promise<Membership>
}

/**
 * Configurations that share a program. Every row costs the edits of all of them: at T5-small's shape and 1,024
 * tokens, four cost 20 to 75 percent more than one, and eight cost twice that. A program of eight takes half a second
 * to load instead of 0.13.
 */
const MAX_SLOTS = 4

/** How long a configuration without adapters stays, because the next adapter is likely to have the same one. */
const LINGER_MS = 1000

interface SharedMixture {
  mixture: EditableMixture
  /** The method of each configuration and how many adapters have it. */
  members: Map<string, { method: MethodConfig; adapters: number }>
  /** The configurations that the current program includes. */
  slots: ReadonlySet<string>
  /** Settles when all requested changes have been made. */
  changed: Promise<void>
}

export function openMixtures(base: Base, pool: Pool): Mixtures {
  const weights = Object.fromEntries(base.tensors)
  const shared = new Set<SharedMixture>()

  const openShared = (): SharedMixture => {
    const mixture = openMixture(weights, base, pool)
    const group: SharedMixture = { mixture, members: new Map(), slots: new Set(), changed: Promise.resolve() }
    shared.add(group)
    return group
  }

  /** Recompiles the program for its current members, after all earlier changes. `isNeeded` is called at that point. */
  const scheduleChange = (group: SharedMixture, isNeeded: () => boolean): Promise<void> => {
    group.changed = group.changed
      .catch(() => {})
      .then(async () => {
        if (!isNeeded()) return
        const members = new Map(group.members)
        if (members.size === 0) group.mixture.close()
        else await group.mixture.setConfigurations([...members.values()].map(({ method }) => method))
        group.slots = new Set(members.keys())
      })
    return group.changed
  }

  const shrink = (group: SharedMixture) => {
    if (group.members.size === 0) shared.delete(group)
    const hasUnusedSlot = () => [...group.slots].some((key) => !group.members.has(key))
    // If the smaller program fails to load, the current one continues to serve.
    scheduleChange(group, hasUnusedSlot).catch(() => {})
  }

  const leave = (group: SharedMixture, key: string) => {
    const member = group.members.get(key)
    if (!member) return
    member.adapters--
    if (member.adapters > 0) return
    group.members.delete(key)
    setTimeout(() => shrink(group), LINGER_MS).unref()
  }

  return {
    async join({ method, values }) {
      if (replacesBase(method, base)) {
        const own = Object.entries(viewTensors(values, method, modelOf(base)))
        const replaced = own.filter(([name]) => base.tensors.has(name))
        const mixture = openMixture({ ...weights, ...Object.fromEntries(replaced) }, base, pool)
        // A method that only replaces base tensors has nothing to add to the program.
        await mixture.setConfigurations(replaced.length === own.length ? [] : [method])
        return { mixture, leave: mixture.close }
      }
      const key = configurationOf(method)
      const groups = [...shared]
      const group =
        groups.find(({ slots, members }) => slots.has(key) || members.has(key)) ??
        groups.find(({ members }) => members.size < MAX_SLOTS) ??
        openShared()
      const member = group.members.get(key) ?? { method, adapters: 0 }
      member.adapters++
      group.members.set(key, member)
      try {
        await scheduleChange(group, () => !group.slots.has(key))
      } catch (error) {
        leave(group, key)
        throw error
      }
      return { mixture: group.mixture, leave: () => leave(group, key) }
    },
  }
}

/** Returns whether the method's tensors replace tensors of the base. */
export function replacesBase(method: MethodConfig, base: Base): boolean {
  return parametersOf(method, modelOf(base)).some(({ name }) => base.tensors.has(name))
}

/** Returns the tensors of a method as views of its values. */
const viewTensors = (values: Float32Array, method: MethodConfig, model: Model): Record<string, Float32Array> =>
  Object.fromEntries(
    packTensors(parametersOf(method, model)).map(({ name, from, size }) => [name, values.subarray(from, from + size)]),
  )
