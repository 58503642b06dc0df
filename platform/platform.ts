import type { T5Config } from '../model/t5-config.ts'
import type { AdapterDescription, Engine } from '../serving/engine-types.ts'

/** An adapter that callers may name. The engine knows it by its id. */
export interface ServedAdapter extends AdapterDescription {
  id: string
  name: string
}

/** What the use cases work with: one value a process, made where the process starts. */
export interface Platform {
  readonly engine: Engine
  readonly adapters: readonly ServedAdapter[]
  /** Shapes of bases by name, those of all served adapters among them. `t5-small` is built in and need not be here. */
  readonly bases: ReadonlyMap<string, T5Config>
  /** Told of each failure that is Graft's own fault. The caller sees no more of it than `id`, to quote. */
  report(error: unknown, id: string): void
}
