import type { T5Config } from '../model/t5-config.ts'
import type { Engine } from '../serving/engine-types.ts'
import type { KeyScope } from './statuses.ts'

/** What the use cases work with: one value a process, made where the process starts. */
export interface Platform {
  readonly engine: Engine
  /** Shapes of bases by name, those of all served adapters among them. `t5-small` is built in and need not be here. */
  readonly bases: ReadonlyMap<string, T5Config>
  /** Told of each failure that is Graft's own fault. The caller sees no more of it than `id`, to quote. */
  report(error: unknown, id: string): void
}

/** Who asks. */
export interface Caller {
  /** The id of the API key; empty where there are no keys. */
  readonly owner: string
  readonly scopes: readonly KeyScope[]
}
