import type { Base } from '../checkpoint/base.ts'
import { fail } from '../core/errors.ts'
import type { Arena } from './arena.ts'
import type { Loader } from './loader.ts'
import type { ReadAdapter } from './loader-thread.ts'
import type { HeldAdapter, Mixture } from './mixture.ts'
import { type Mixtures, replacesBase, type Seat } from './mixtures.ts'

/** An adapter ready to answer. */
export interface ReadyAdapter extends Omit<ReadAdapter, 'method'>, HeldAdapter {
  mixture: Mixture
}

/** An adapter that is wanted: it is not evicted before `release`, which may be called when it has not been loaded yet. */
export interface Hold {
  /** @throws GraftError why it cannot be loaded */
  readonly ready: Promise<ReadyAdapter>
  release(): void
}

/** Adapters by their keys in the memory that there is for them. */
export interface AdapterCache {
  /** In memory; the one used last comes last. */
  loaded(): { key: string; digest: string; bytes: number }[]
  /** Whether it can answer at once. */
  has(key: string): boolean
  /** Loads it unless that has begun or is done. A failure is not kept: the next hold tries again. */
  hold(key: string): Hold
  forget(key: string): Promise<void>
  /** Loads nothing more. */
  close(error: Error): void
}

interface Entry {
  readonly key: string
  holds: number
  readonly ready: Promise<ReadyAdapter>
  loaded?: ReadyAdapter
  /** Gives all that it has back. */
  remove?(): void
  /** Called when nobody holds it any more. */
  forgotten?(): void
}

interface CacheParts {
  base: Base
  folderOf(key: string): Promise<string>
  loader: Loader
  arena: Arena
  mixtures: Mixtures
  /** Milliseconds that a load waits for adapters to come out of use. */
  patience?: number
}

export function openAdapterCache({
  base,
  folderOf,
  loader,
  arena,
  mixtures,
  patience = 10_000,
}: CacheParts): AdapterCache {
  /** The one used last comes last. */
  const entries = new Map<string, Entry>()
  const size = arena.buffer.byteLength
  let closed: Error | undefined
  /** Called when an adapter comes out of use. */
  let onFree = () => {}

  const release = (entry: Entry) => {
    entry.holds--
    if (entry.holds > 0) return
    entry.forgotten?.()
    onFree()
  }
  const holding = (entry: Entry) => {
    entry.holds++
    let held = true
    return () => {
      if (held) release(entry)
      held = false
    }
  }

  const evict = (): boolean => {
    for (const { key, loaded, holds, remove } of entries.values()) {
      if (!loaded || holds > 0) continue
      entries.delete(key)
      remove?.()
      return true
    }
    return false
  }

  /** Only one load at a time asks for room. */
  async function room(bytes: number, end: 'low' | 'high', name: string): Promise<number> {
    if (bytes > size) tooLarge(name, bytes, size)
    const late = Date.now() + patience
    for (;;) {
      if (closed) throw closed
      const at = arena.take(bytes, end)
      if (at !== undefined) return at
      if (evict()) continue
      if (!(await freed(late - Date.now()))) inUse(name, bytes)
    }
  }

  /** Whether something came out of use within so many milliseconds. */
  const freed = (milliseconds: number): Promise<boolean> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds, false)
      onFree = () => {
        clearTimeout(timer)
        resolve(true)
      }
    })

  async function load(entry: Entry): Promise<ReadyAdapter> {
    const dir = await folderOf(entry.key)
    return loader.read(dir, async (read, place) => {
      const { method, description } = read
      const at = await room(description.bytes, replacesBase(method, base) ? 'high' : 'low', entry.key)
      let seat: Seat
      const values = new Float32Array(arena.buffer, at, description.bytes / 4)
      try {
        await place(at)
        seat = await mixtures.join({ method, values })
      } catch (error) {
        arena.give(at)
        throw error
      }
      entry.remove = () => {
        seat.leave()
        arena.give(at)
      }
      entry.loaded = { ...read, values, mixture: seat.mixture, hold: () => holding(entry) }
      return entry.loaded
    })
  }

  const start = (key: string): Entry => {
    const entry: Entry = { key, holds: 0, ready: Promise.resolve().then(() => load(entry)) }
    entry.ready.catch(() => {
      if (entries.get(key) === entry) entries.delete(key)
    })
    return entry
  }

  return {
    loaded: () =>
      [...entries.values()].flatMap(({ key, loaded }) =>
        loaded ? [{ key, digest: loaded.description.digest, bytes: loaded.description.bytes }] : [],
      ),
    has: (key) => entries.get(key)?.loaded !== undefined,
    hold(key) {
      const entry = entries.get(key) ?? start(key)
      entries.delete(key)
      entries.set(key, entry)
      return { ready: entry.ready, release: holding(entry) }
    },
    async forget(key) {
      const entry = entries.get(key)
      if (!entry) return
      entries.delete(key)
      await entry.ready.catch(() => {})
      if (entry.holds > 0)
        await new Promise<void>((resolve) => {
          entry.forgotten = resolve
        })
      entry.remove?.()
      onFree()
    },
    close(error) {
      closed = error
      onFree()
    },
  }
}

function tooLarge(name: string, bytes: number, most: number): never {
  return fail('adapter_too_large', {
    subject: name,
    expected: `an adapter of at most ${most} bytes, which is all the memory for adapters`,
    found: `one of ${bytes}`,
    fix: 'Give adapters more memory, or train one with fewer parameters.',
  })
}

function inUse(name: string, bytes: number): never {
  return fail('overloaded', {
    subject: `the memory for ${name}`,
    expected: `${bytes} bytes that no other adapter needs now`,
    found: 'adapters with texts that wait, in all of it',
    fix: 'Try again in a moment; give adapters more memory where this lasts.',
  })
}
