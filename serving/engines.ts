import type { Engine, Prediction, Row } from './engine-types.ts'

/**
 * Combines the engines of several bases into one. Each of them has threads, a queue and adapters of its own, and a row
 * waits only in the queue of its base.
 * @param engines by the id of the base. The first one serves the rows that name no base
 */
export function combineEngines(engines: ReadonlyMap<string, Engine>): Engine {
  const all = [...engines.values()]
  if (all.length === 1) return all[0]
  const engineOf = (base: string | undefined): Engine => {
    const engine = base === undefined ? all[0] : engines.get(base)
    if (!engine) throw new Error(`no engine serves the base ${base}`)
    return engine
  }
  const sum = (amountOf: (engine: Engine) => number) => all.reduce((total, engine) => total + amountOf(engine), 0)

  async function classifyParts(
    parts: ReadonlyMap<string | undefined, readonly number[]>,
    rows: readonly Row[],
    signal: AbortSignal | undefined,
    client: string | undefined,
  ): Promise<Awaited<ReturnType<Engine['classify']>>> {
    const answers: Awaited<ReturnType<Engine['classify']>> = []
    const failed = new AbortController()
    const either = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal
    const classifyPart = async ([base, indices]: [string | undefined, readonly number[]]) => {
      const part = indices.map((i) => rows[i])
      for (const [j, answer] of (await engineOf(base).classify(part, either, client)).entries())
        answers[indices[j]] = answer as Prediction
    }
    try {
      await Promise.all([...parts].map(classifyPart))
      return answers
    } catch (error) {
      // An error applies to the whole request, so the rows on other bases need not run.
      failed.abort(error)
      throw error
    }
  }

  return {
    listLoaded: () => all.flatMap((engine) => engine.listLoaded()),
    load: (key, dir, base) => engineOf(base).load(key, dir),
    async classify(rows, signal, client) {
      const parts = Map.groupBy(rows.keys(), (i) => rows[i].base)
      if (parts.size > 1) return classifyParts(parts, rows, signal, client)
      return engineOf(rows[0]?.base).classify(rows, signal, client)
    },
    async unload(key) {
      await Promise.all(all.map((engine) => engine.unload(key)))
    },
    onBatch: (listener) => {
      for (const engine of all) engine.onBatch(listener)
    },
    maxTokens: all[0].maxTokens,
    queue: {
      get waiting() {
        return sum(({ queue }) => queue.waiting)
      },
      capacity: sum(({ queue }) => queue.capacity),
      characters: sum(({ queue }) => queue.characters),
    },
    async close() {
      await Promise.all(all.map((engine) => engine.close()))
    },
  }
}
