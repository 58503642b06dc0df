import type { Model } from '../model/architecture.ts'
import type { MethodConfig } from '../model/methods/registry.ts'
import type { Base } from './base.ts'
import type { KeyRules } from './config-rules.ts'
import type { JsonObject } from './files.ts'

/** One of PEFT's methods that Graft has as well. */
export interface PeftMethod {
  /** The value of `peft_type`. */
  readonly type: string
  readonly method: string
  readonly rules: KeyRules
  toMethod(config: JsonObject, model: Model, subject: string): MethodConfig
  toConfig(method: MethodConfig, base: Base): JsonObject
  tensorName(parameter: string): string
}
