import type { Base } from '../checkpoint/base.ts'
import { fail } from '../core/errors.ts'
import type { ReadAdapter } from './adapter-reader.ts'
import type { Arena } from './arena.ts'
import type { Loader } from './loader.ts'
import { type Membership, type Mixtures, replacesBase } from './mixtures.ts'
import type { ReadyAdapter } from './queue-entry.ts'

/** A claim on an adapter: it is not evicted before `release`, which may be called before the adapter is loaded. */
export interface Hold {
  /** @throws GraftError if the adapter cannot be loaded */
  readonly ready: Promise<ReadyAdapter>
  release(): void
}

/** Adapters in memory, by key. The least recently used are evicted when others need the space. */
export interface AdapterCache {
  /** Adapters in memory, the most recently used last. */
  listLoaded(): { key: string; digest: string; bytes: number }[]
  /** Returns whether the adapter can answer without being loaded first. */
  has(key: string): boolean
  /**
   * Claims an adapter and loads it unless it is loaded or loading. A failure is not cached: the next hold tries again.
   * @param dir the folder to load it from. Defaults to the one of `folderOf`
   */
  hold(key: string, dir?: string): Hold
  /** Frees an adapter's memory once nothing holds it. */
  unload(key: string): Promise<void>
  /** Makes every load fail with this error from now on. */
  close(error: Error): void
}

interface Entry {
  readonly key: string
  holds: number
  readonly ready: Promise<ReadyAdapter>
  /** Set when `ready` has resolved. */
  adapter?: ReadyAdapter
  /** Frees its memory. */
  dispose?(): void
  /** Called when nothing holds the adapter any more. */
  onUnused?(): void
}

interface CacheParts {
  base: Base
  folderOf(key: string): Promise<string>
  loader: Loader
  arena: Arena
  mixtures: Mixtures
  /** How long a load waits for adapters in use to free their space. Defaults to 10 seconds. */
  timeoutMs?: number
}

export function openAdapterCache({
  base,
  folderOf,
  loader,
  arena,
  mixtures,
  timeoutMs = 10_000,
}: CacheParts): AdapterCache {
  /** The most recently used last. */
  const entries = new Map<string, Entry>()
  const capacity = arena.buffer.byteLength
  let closed: Error | undefined
  /** Called when nothing uses an adapter any more. */
  let onRelease = () => {}

  const release = (entry: Entry) => {
    entry.holds--
    if (entry.holds > 0) return
    entry.onUnused?.()
    onRelease()
  }
  const addHold = (entry: Entry) => {
    entry.holds++
    let held = true
    return () => {
      if (held) release(entry)
      held = false
    }
  }

  /** Evicts the least recently used adapter that nothing holds. Returns whether there was one. */
  const evict = (): boolean => {
    for (const { key, adapter, holds, dispose } of entries.values()) {
      if (!adapter || holds > 0) continue
      entries.delete(key)
      dispose?.()
      return true
    }
    return false
  }

  /**
   * Allocates a block for an adapter, if necessary by evicting others, and makes room for its program. Only one load at
   * a time calls it.
   */
  async function allocate({ method, description: { bytes } }: ReadAdapter, name: string): Promise<number> {
    if (bytes > capacity) throwTooLarge(name, bytes, capacity)
    const deadline = Date.now() + timeoutMs
    const end = replacesBase(method, base) ? 'high' : 'low'
    for (;;) {
      if (closed) throw closed
      const offset = mixtures.hasRoomFor(method) ? arena.allocate(bytes, end) : undefined
      if (offset !== undefined) return offset
      if (evict()) continue
      if (!(await waitForRelease(deadline - Date.now()))) throwMemoryInUse(name, bytes)
    }
  }

  /** Returns whether an adapter was released within this time. */
  const waitForRelease = (milliseconds: number): Promise<boolean> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds, false)
      onRelease = () => {
        clearTimeout(timer)
        resolve(true)
      }
    })

  async function load(entry: Entry, dir?: string): Promise<ReadyAdapter> {
    return loader.read(dir ?? (await folderOf(entry.key)), async (read, place) => {
      const { method, description } = read
      const offset = await allocate(read, entry.key)
      let membership: Membership
      const values = new Float32Array(arena.buffer, offset, description.bytes / 4)
      try {
        await place(offset)
        membership = await mixtures.join({ method, values })
      } catch (error) {
        arena.free(offset)
        throw error
      }
      entry.dispose = () => {
        membership.leave()
        arena.free(offset)
      }
      entry.adapter = { ...read, values, mixture: membership.mixture, hold: () => addHold(entry) }
      return entry.adapter
    })
  }

  const startLoading = (key: string, dir?: string): Entry => {
    const entry: Entry = { key, holds: 0, ready: Promise.resolve().then(() => load(entry, dir)) }
    entry.ready.catch(() => {
      if (entries.get(key) === entry) entries.delete(key)
    })
    return entry
  }

  return {
    listLoaded: () =>
      [...entries.values()].flatMap(({ key, adapter }) =>
        adapter ? [{ key, digest: adapter.description.digest, bytes: adapter.description.bytes }] : [],
      ),
    has: (key) => entries.get(key)?.adapter !== undefined,
    hold(key, dir) {
      const entry = entries.get(key) ?? startLoading(key, dir)
      entries.delete(key)
      entries.set(key, entry)
      return { ready: entry.ready, release: addHold(entry) }
    },
    async unload(key) {
      const entry = entries.get(key)
      if (!entry) return
      entries.delete(key)
      await entry.ready.catch(() => {})
      if (entry.holds > 0)
        await new Promise<void>((resolve) => {
          entry.onUnused = resolve
        })
      entry.dispose?.()
      onRelease()
    },
    close(error) {
      closed = error
      onRelease()
    },
  }
}

function throwTooLarge(name: string, bytes: number, capacity: number): never {
  return fail('adapter_too_large', {
    subject: name,
    expected: `at most ${capacity} bytes, which is all the memory for adapters`,
    found: `${bytes} bytes`,
    fix: 'Train an adapter with fewer parameters.',
  })
}

function throwMemoryInUse(name: string, bytes: number): never {
  return fail('overloaded', {
    subject: name,
    problem: `needs ${bytes} bytes of adapter memory, which adapters with waiting texts are using`,
    fix: 'Try again in a moment. If this happens often, give adapters more memory.',
  })
}
