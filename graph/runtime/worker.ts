import { parentPort } from 'node:worker_threads'
import type { Executable } from '../onnx/lower.ts'
import type { Symbols } from '../types.ts'
import {
  type Data,
  type Feeds,
  openSession,
  type Resident,
  type Session,
  type SessionOptions,
  type Values,
} from './session.ts'

/** What stays in the thread, or on its device, by number. */
export type ResidentKey = number

/** What a pool asks of its threads. `bound` values are fed on every run of the program; shared memory is not copied. */
export type Request =
  | { id: number; kind: 'load'; key: number; executable: Executable; bound: Values; options: SessionOptions }
  | {
      id: number
      kind: 'run'
      key: number
      feeds: Feeds
      symbols: Symbols
      into: Values
      /** Inputs that are residents, and results that become residents; what a key named before is freed. */
      residents: Readonly<Record<string, ResidentKey>>
      keep: Readonly<Record<string, ResidentKey>>
    }
  | { id: number; kind: 'free'; keys: readonly ResidentKey[] }
  | { id: number; kind: 'unload'; key: number }
  | { id: number; kind: 'close' }

export type Answer = { id: number; results: Record<string, Data> } | { id: number; failure: string }

const port = parentPort
if (!port) throw new Error('graph/runtime/worker runs as a thread of a pool')

interface Loaded {
  session: Session
  bound: Values
  /** Residents that it made: their memory is the session's, so it stays open until they are gone. */
  made: Set<ResidentKey>
  unloaded: boolean
}

const loaded = new Map<number, Loaded>()
const residents = new Map<ResidentKey, { value: Resident; maker: Loaded }>()

const free = async (key: ResidentKey) => {
  const resident = residents.get(key)
  if (!resident) return
  const { value, maker } = resident
  value.dispose()
  residents.delete(key)
  maker.made.delete(key)
  if (maker.unloaded && maker.made.size === 0) await maker.session.close()
}

const actions: { [K in Request['kind']]: (request: Extract<Request, { kind: K }>) => Promise<Record<string, Data>> } = {
  load: async ({ key, executable, bound, options }) => {
    loaded.set(key, { session: await openSession(executable, options), bound, made: new Set(), unloaded: false })
    return {}
  },
  run: async ({ key, feeds, symbols, into, residents: used, keep }) => {
    const program = loaded.get(key)
    if (!program) throw new Error(`program ${key} is not loaded`)
    const present = Object.entries(used).map(([name, number]) => [name, residents.get(number)?.value as Resident])
    const kept = new Map<string, Resident>()
    const results = await program.session.run(
      { ...program.bound, ...feeds, ...Object.fromEntries(present) },
      symbols,
      into,
      kept,
    )
    for (const [name, value] of kept) {
      await free(keep[name])
      residents.set(keep[name], { value, maker: program })
      program.made.add(keep[name])
    }
    return results
  },
  free: async ({ keys }) => {
    for (const key of keys) await free(key)
    return {}
  },
  unload: async ({ key }) => {
    const program = loaded.get(key)
    loaded.delete(key)
    if (!program) return {}
    program.unloaded = true
    if (program.made.size === 0) await program.session.close()
    return {}
  },
  close: async () => {
    for (const key of [...residents.keys()]) await free(key)
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
