import { lower } from '../onnx/lower.ts'
import type { Program } from '../program.ts'
import type { Symbols } from '../types.ts'
import type { SessionOptions } from './session.ts'
import type { Thread } from './thread.ts'

/** A program lowered for one size. It may not be loaded yet, but it will be before what is posted after it. */
interface Variant {
  readonly key: number
  readonly ready: Promise<unknown>
}

export interface Variants {
  /** The program for these sizes, whose results of these names stay on the device. */
  of(symbols: Symbols, keep: readonly string[]): Variant
  unload(): Promise<void>
}

/** Sizes for which a program stays loaded: those used last. */
const MOST = 64

let keys = 0

/**
 * The sessions of a program on a device, one for each size that it met.
 * @param post asks the device's thread, which takes requests in their order
 */
export function openVariants(program: Program, options: SessionOptions, post: Thread['ask']): Variants {
  const loaded = new Map<string, Variant>()
  const drop = (name: string) => {
    const { key } = loaded.get(name) as Variant
    loaded.delete(name)
    return post({ kind: 'unload', key })
  }
  return {
    of(symbols, keep) {
      const name = JSON.stringify([symbols, keep])
      const key = keys++
      const load = () => {
        const executable = lower(program, 'webgpu', { symbols })
        return { key, ready: post({ kind: 'load', key, executable, bound: {}, options: { ...options, keep } }) }
      }
      const variant = loaded.get(name) ?? load()
      // The one used last stands last.
      loaded.delete(name)
      loaded.set(name, variant)
      if (loaded.size > MOST) drop(loaded.keys().next().value as string)
      return variant
    },
    unload: async () => {
      await Promise.all([...loaded.keys()].map(drop))
    },
  }
}
