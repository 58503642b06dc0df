import type { MethodConfig } from '../model/methods/registry.ts'
import type { T5Config } from '../model/t5/config.ts'
import type { KeyRules } from './config-rules.ts'
import type { JsonObject } from './files.ts'

export interface LibraryVersion {
  /** Written by `adapters`, and not by its predecessor adapter-transformers. */
  adapters: boolean
  major: number
  minor: number
}

/** One of AdapterHub's architectures. */
export interface Kind {
  /** Its key in the file; bottleneck adapters have none. */
  readonly architecture: string | null
  readonly method: string
  readonly rules: KeyRules
  read(config: JsonObject, t5: T5Config, subject: string, version: LibraryVersion | undefined): MethodConfig
  stored(method: MethodConfig): MethodConfig
  write(method: MethodConfig, t5: T5Config): JsonObject
  fileName(parameter: string, adapter: string): string
}
