import type { MethodConfig } from '../model/methods/registry.ts'
import type { T5Config } from '../model/t5/config.ts'
import type { Base } from './base.ts'
import type { JsonObject } from './files.ts'
import type { SafetensorsFile } from './safetensors.ts'

export type LayoutName = 'peft' | 'adapterhub' | 'full'

/** What the names in a file depend on beside the method. */
export interface Naming {
  /** The adapter's own name, where the library keeps several in one model. */
  readonly adapter: string
  /** What stands before every name. */
  readonly prefix: string
}

/**
 * How a library lays out a checkpoint: which files, how its configuration says what our methods say, and what it calls their
 * parameters. To add one: write its file, name it in `layouts.ts`.
 */
export interface Layout {
  readonly name: LayoutName
  readonly configFile: string
  readonly weightsFile: string
  /** What the library writes beside the tensors of the file. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Methods that are saved in this layout unless another is asked for. */
  readonly defaultFor: readonly string[]
  /** Prefixes under which the library saves the same tensors, the usual one first. */
  readonly prefixes: readonly string[]
  /** Files of the base that make the folder whole, copied where the base has them. */
  readonly companions: readonly string[]
  /** Whether a configuration is this library's. */
  recognises(config: JsonObject): boolean
  /**
   * The method that a configuration describes, and the adapter's name where the library gives it one.
   * @throws GraftError `checkpoint_config` that names what Graft does not implement
   */
  read(config: JsonObject, t5: T5Config, subject: string): { method: MethodConfig; adapter?: string }
  /** The tensors of a folder of this layout. */
  readWeights(dir: string, base: Base): Promise<SafetensorsFile>
  /**
   * The same function as a method that the library has; its parameters stand in the same order.
   * @throws GraftError `checkpoint_config` where the library has none
   */
  stored(method: MethodConfig): MethodConfig
  /** The text of the configuration as the library writes it, for a method that `stored` gave. */
  write(method: MethodConfig, base: Base, adapter: string): string
  /** What the library calls a parameter of a method that `stored` gave. */
  fileName(parameter: string, method: MethodConfig, naming: Naming): string
}

/** What an adapter is called in a library that wants a name. */
export const DEFAULT_NAMING: Naming = { adapter: 'graft', prefix: '' }
