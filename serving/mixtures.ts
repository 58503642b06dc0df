import type { Base } from '../checkpoint/base.ts'
import type { Pool } from '../graph/runtime/pool.ts'
import { type MethodConfig, methodNamed } from '../model/methods/registry.ts'
import type { T5Config } from '../model/t5/config.ts'
import { laidOut } from '../model/t5/tensors.ts'
import { type ChangingMixture, configurationOf, type HeldAdapter, type Mixture, openMixture } from './mixture.ts'

/** The place of an adapter among those that are served. */
export interface Seat {
  mixture: Mixture
  /** The adapter has no more rows. */
  leave(): void
}

/** Adapters that change the base share mixtures; each that replaces it has its own. */
export interface Mixtures {
  /** Has a program made where there is none for the adapter's configuration. */
  join(adapter: Pick<HeldAdapter, 'method' | 'values'>): Promise<Seat>
}

/**
 * Configurations that share a program. Every row pays for the edits of all of them: at T5-small's shape and 1,024 tokens four cost a fifth
 * to three quarters more than one, eight twice that, and a program of eight takes half a second to load instead of 0.13.
 */
const MOST_SLOTS = 4

/** Milliseconds for which a configuration without adapters stays, since the next adapter may well be of it. */
const LINGER = 1000

interface Shared {
  mixture: ChangingMixture
  /** By their configuration: the method, and how many adapters there are of it. */
  members: Map<string, { method: MethodConfig; adapters: number }>
  /** The configurations of the program as it is. */
  slots: ReadonlySet<string>
  /** Ends when the last change that was asked for has been made. */
  changed: Promise<void>
}

export function openMixtures(base: Base, pool: Pool): Mixtures {
  const weights = Object.fromEntries(base.tensors)
  const shared = new Set<Shared>()

  const open = (): Shared => {
    const mixture = openMixture(weights, base, pool)
    const made: Shared = { mixture, members: new Map(), slots: new Set(), changed: Promise.resolve() }
    shared.add(made)
    return made
  }

  /** Changes follow one another; `isNeeded` is asked when those before were made. */
  const change = (group: Shared, isNeeded: () => boolean): Promise<void> => {
    group.changed = group.changed
      .catch(() => {})
      .then(async () => {
        if (!isNeeded()) return
        const members = new Map(group.members)
        if (members.size === 0) group.mixture.close()
        else await group.mixture.change([...members.values()].map(({ method }) => method))
        group.slots = new Set(members.keys())
      })
    return group.changed
  }

  const shrink = (group: Shared) => {
    if (group.members.size === 0) shared.delete(group)
    const isLarger = () => [...group.slots].some((key) => !group.members.has(key))
    // Where the smaller program fails to load, the one that there is goes on to serve.
    change(group, isLarger).catch(() => {})
  }

  const leave = (group: Shared, key: string) => {
    const member = group.members.get(key)
    if (!member) return
    member.adapters--
    if (member.adapters > 0) return
    group.members.delete(key)
    setTimeout(() => shrink(group), LINGER).unref()
  }

  return {
    async join({ method, values }) {
      if (replacesBase(method, base)) {
        const own = tensorsIn(values, method, base.t5)
        const mixture = openMixture({ ...weights, ...own }, base, pool)
        await mixture.change([])
        return { mixture, leave: mixture.close }
      }
      const key = configurationOf(method)
      const groups = [...shared]
      const group =
        groups.find(({ slots, members }) => slots.has(key) || members.has(key)) ??
        groups.find(({ members }) => members.size < MOST_SLOTS) ??
        open()
      const member = group.members.get(key) ?? { method, adapters: 0 }
      member.adapters++
      group.members.set(key, member)
      try {
        await change(group, () => !group.slots.has(key))
      } catch (error) {
        leave(group, key)
        throw error
      }
      return { mixture: group.mixture, leave: () => leave(group, key) }
    },
  }
}

/** Whether the method's tensors take the place of the base's. */
export function replacesBase(method: MethodConfig, { t5, tensors }: Base): boolean {
  return methodNamed(method.method)
    .parameters(method, t5)
    .some(({ name }) => tensors.has(name))
}

/** The tensors of a method as views of its values. */
const tensorsIn = (values: Float32Array, method: MethodConfig, t5: T5Config): Record<string, Float32Array> =>
  Object.fromEntries(
    laidOut(methodNamed(method.method).parameters(method, t5)).map(({ name, from, size }) => [
      name,
      values.subarray(from, from + size),
    ]),
  )
