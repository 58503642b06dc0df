import type { Model } from '../model/architecture.ts'
import type { MethodConfig } from '../model/methods/registry.ts'
import type { Base } from './base.ts'
import type { JsonObject } from './files.ts'
import type { CardLibrary } from './model-card.ts'
import type { Shapes, TensorFile } from './tensor-file.ts'

/** The parts of a tensor's name in a file that do not follow from the method. */
export interface Naming {
  /** The adapter's own name, if the library keeps several adapters in one model. */
  readonly adapter: string
  /** The prefix of every name. */
  readonly prefix: string
}

/** The naming of an adapter that was not loaded from a library's folder. */
export const DEFAULT_NAMING: Naming = { adapter: 'graft', prefix: '' }

/** The files in which a library saves the head of the model beside an adapter. */
export interface HeadFiles {
  /** The names of the files, of which a folder may have some. */
  readonly files: readonly string[]
  /**
   * Returns the library's name for the type of the head, or undefined if the folder has no head.
   * @throws GraftError `checkpoint_corrupt`
   */
  readType(dir: string): Promise<string | undefined>
  /**
   * Requires that the head of a folder, if it has one, computes the same as the head of the base.
   * @throws GraftError `checkpoint_config`, `checkpoint_tensors`, `checkpoint_corrupt`, `file_missing`
   */
  requireSame(dir: string, base: Base): Promise<void>
}

/**
 * A library's folder format: its files, how its configuration maps to Graft's methods, and how it names their
 * parameters. To add one, write its file and list it in layouts.ts.
 */
export interface Layout {
  readonly name: string
  readonly configFile: string
  readonly weightsFile: string
  /** Other names of the weights file, under which older or differently set versions of the library save it. */
  readonly otherWeightsFiles?: readonly string[]
  /** The metadata that the library writes in the header of the weights file. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Methods that are saved in this layout by default. */
  readonly defaultFor: readonly string[]
  /** Prefixes under which the library saves the same tensors, the usual one first. */
  readonly prefixes: readonly string[]
  /** The library as the README of a folder presents it. Defaults to no README. */
  readonly library?: CardLibrary
  /** The head that the library may save beside an adapter. Defaults to none. */
  readonly head?: HeadFiles
  /** Files of the base to copy into the folder, if the base has them. */
  readonly copiedFromBase: readonly string[]
  /** Returns whether this library wrote a configuration. */
  recognizes(config: JsonObject): boolean
  /**
   * Returns the method that a configuration describes, and the adapter's name if the library gives it one.
   * @throws GraftError `checkpoint_config` with the setting that Graft does not implement
   */
  parseConfig(config: JsonObject, model: Model, subject: string): { method: MethodConfig; adapter?: string }
  /**
   * Reads the tensors of a folder. Defaults to those of its weights file.
   * @param check receives their names and shapes before any of their values is read, and throws if they are not those
   *   of the configuration
   */
  readWeights?(dir: string, base: Base, check: (tensors: Shapes) => void): Promise<TensorFile>
  /**
   * Returns the names of the files with the tensors of a folder. Defaults to `weightsFile`, or the first of
   * `otherWeightsFiles` that exists.
   */
  weightsFilesIn?(dir: string): Promise<readonly string[]>
  /**
   * Returns a method that the library has and that computes the same function. Its parameters are in the same order.
   * @throws GraftError `checkpoint_config` if the library has none
   */
  toSupportedMethod(method: MethodConfig): MethodConfig
  /** Returns the text of the configuration, as the library writes it, of a method that `toSupportedMethod` returned. */
  formatConfig(method: MethodConfig, base: Base, adapter: string): string
  /** Returns the library's name for a parameter of a method that `toSupportedMethod` returned. */
  tensorName(parameter: string, method: MethodConfig, naming: Naming): string
}
