import { lower } from '../onnx/lower.ts'
import type { Program } from '../program.ts'
import type { Symbols } from '../types.ts'
import type { SessionOptions } from './session.ts'
import type { Thread } from './thread.ts'

/**
 * A program lowered for one set of sizes. It may still be loading, but the thread handles requests in order, so later
 * ones find it loaded.
 */
interface Variant {
  readonly key: number
  readonly ready: Promise<unknown>
}

/** The variants of a program, one for each set of sizes. */
export interface Variants {
  /** Returns the variant for these sizes, whose results named in `keep` stay on the device. */
  get(symbols: Symbols, keep: readonly string[]): Variant
  unload(): Promise<void>
}

/** The number of most recently used variants that stay loaded. */
const MAX_VARIANTS = 64

let keys = 0

/**
 * Opens the variants of a program on a device. Each one is lowered and loaded when it is first used.
 * @param post sends a request to the device's thread, which handles requests in order
 */
export function openVariants(program: Program, options: SessionOptions, post: Thread['send']): Variants {
  const loaded = new Map<string, Variant>()
  const drop = (name: string) => {
    const { key } = loaded.get(name) as Variant
    loaded.delete(name)
    return post({ kind: 'unload', key })
  }
  return {
    get(symbols, keep) {
      const name = JSON.stringify([symbols, keep])
      const key = keys++
      const load = () => {
        const executable = lower(program, 'webgpu', { symbols })
        return { key, ready: post({ kind: 'load', key, executable, bound: {}, options: { ...options, keep } }) }
      }
      const variant = loaded.get(name) ?? load()
      // Move the variant to the end: the map is in order of last use.
      loaded.delete(name)
      loaded.set(name, variant)
      if (loaded.size > MAX_VARIANTS) drop(loaded.keys().next().value as string)
      return variant
    },
    unload: async () => {
      await Promise.all([...loaded.keys()].map(drop))
    },
  }
}
