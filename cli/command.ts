import type { Fields } from './flags.ts'

/** A command of `graft`: its help and its implementation. */
export interface Command {
  /** One line, in the imperative. */
  readonly summary: string
  /** The rest of the command line after `graft `: the command, its arguments and flags. */
  readonly usage: string
  /** Paragraphs of details, wrapped at 100 columns. */
  readonly about?: string
  readonly examples: readonly string[]
  /** Groups of flags by heading. */
  readonly flags: Readonly<Record<string, Fields>>
  /** True if the command takes arguments without a flag. Defaults to false. */
  readonly positionals?: boolean
  /** The flags that may be repeated. */
  readonly repeated?: readonly string[]
  run(values: Readonly<Record<string, unknown>>, positionals: readonly string[]): Promise<void>
}
