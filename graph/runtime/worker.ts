import { parentPort } from 'node:worker_threads'
import type { Executable } from '../onnx/lower.ts'
import { type Data, openSession, type Session, type SessionOptions, type Symbols, type Values } from './session.ts'

/** What a pool asks of its threads. `bound` values are fed on every run of the program; shared memory is not copied. */
export type Request =
  | { id: number; kind: 'load'; key: number; executable: Executable; bound: Values; options: SessionOptions }
  | { id: number; kind: 'run'; key: number; feeds: Values; symbols: Symbols; into: Values }
  | { id: number; kind: 'unload'; key: number }
  | { id: number; kind: 'close' }

export type Answer = { id: number; results: Record<string, Data> } | { id: number; failure: string }

const port = parentPort
if (!port) throw new Error('graph/runtime/worker runs as a thread of a pool')
const loaded = new Map<number, { session: Session; bound: Values }>()

const actions: { [K in Request['kind']]: (request: Extract<Request, { kind: K }>) => Promise<Record<string, Data>> } = {
  load: async ({ key, executable, bound, options }) => {
    loaded.set(key, { session: await openSession(executable, options), bound })
    return {}
  },
  run: async ({ key, feeds, symbols, into }) => {
    const program = loaded.get(key)
    if (!program) throw new Error(`program ${key} is not loaded`)
    return program.session.run({ ...program.bound, ...feeds }, symbols, into)
  },
  unload: async ({ key }) => {
    await loaded.get(key)?.session.close()
    loaded.delete(key)
    return {}
  },
  close: async () => {
    for (const { session } of loaded.values()) await session.close()
    return {}
  },
}

// Requests run one after the other: a second would find the thread blocked inside `run` in any case.
let last: Promise<void> = Promise.resolve()
port.on('message', (request: Request) => {
  last = last.then(async () => {
    try {
      const results = await (actions[request.kind] as (r: Request) => Promise<Record<string, Data>>)(request)
      port.postMessage({ id: request.id, results } satisfies Answer)
    } catch (error) {
      port.postMessage({ id: request.id, failure: (error as Error).message } satisfies Answer)
    }
    if (request.kind === 'close') port.close()
  })
})
