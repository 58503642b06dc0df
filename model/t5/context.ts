import type { Context } from '../context.ts'
import type { T5Config } from './config.ts'

/** The context of a forward pass, with the sizes of the T5 that runs. */
export interface T5Context extends Context {
  readonly t5: T5Config
}
