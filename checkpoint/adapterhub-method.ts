import type { Model } from '../model/architecture.ts'
import type { MethodConfig } from '../model/methods/registry.ts'
import type { KeyRules } from './config-rules.ts'
import type { JsonObject } from './files.ts'

/** The version of the library that wrote a file. */
export interface LibraryVersion {
  /** True for `adapters`, false for its predecessor, adapter-transformers. */
  adapters: boolean
  major: number
  minor: number
}

/** One of AdapterHub's methods that Graft has as well. */
export interface AdapterHubMethod {
  /** The value of `architecture` in the configuration. Null for bottleneck adapters. */
  readonly architecture: string | null
  readonly method: string
  readonly rules: KeyRules
  toMethod(config: JsonObject, model: Model, subject: string, version: LibraryVersion | undefined): MethodConfig
  /** See `Layout.toSupportedMethod`. */
  toSupportedMethod(method: MethodConfig): MethodConfig
  toConfig(method: MethodConfig, model: Model): JsonObject
  tensorName(parameter: string, adapter: string): string
}
