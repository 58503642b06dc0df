import type { Target } from './target.ts'

/** An attack on a server, or an accident. */
export interface Attack {
  readonly name: string
  /** Attacks, and returns the outcome. */
  run(target: Target): Promise<unknown>
  /** A pattern for `toMatchObject` that the result of `run` must have. */
  readonly expects: unknown
  /** True if requests that are being answered may fail, with an error that says to try again. */
  readonly interrupts?: boolean
  /** Why the attack cannot run on this machine. */
  readonly skip?: string
}
