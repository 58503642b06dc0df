import type { Fields } from './flags.ts'

/** A command of `graft`: what --help says of it, and what it does. */
export interface Command {
  readonly summary: string
  /** How it is called, after `graft `. */
  readonly usage: string
  /** More than the summary: what it does, in paragraphs. */
  readonly about?: string
  readonly examples: readonly string[]
  /** Groups of flags, each under a heading. */
  readonly flags: Readonly<Record<string, Fields>>
  readonly positionals?: boolean
  /** Flags that may be given more than once. */
  readonly repeated?: readonly string[]
  run(values: Readonly<Record<string, unknown>>, positionals: readonly string[]): Promise<void>
}
