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

/** The number of a value that stays in the thread or on its device. */
export type ResidentKey = number

/** A request to a thread. `bound` values are fed on every run of the program; shared memory is not copied. */
export type WorkerRequest =
  | { id: number; kind: 'load'; key: number; executable: Executable; bound: Values; options: SessionOptions }
  | {
      id: number
      kind: 'run'
      key: number
      feeds: Feeds
      symbols: Symbols
      into: Values
      /** Inputs that are residents, and results that become residents. A resident that had the same key is freed. */
      residents: Readonly<Record<string, ResidentKey>>
      keep: Readonly<Record<string, ResidentKey>>
    }
  | { id: number; kind: 'free'; keys: readonly ResidentKey[] }
  | { id: number; kind: 'unload'; key: number }
  | { id: number; kind: 'close' }

export type WorkerResponse = { id: number; results: Record<string, Data> } | { id: number; failure: string }

/** Returns the memory of results that only this thread has, to hand it over without a copy. */
const ownBuffers = (results: Record<string, Data>): ArrayBuffer[] =>
  Object.values(results).flatMap(({ buffer }) => (buffer instanceof ArrayBuffer ? [buffer] : []))

const port = parentPort
if (!port) throw new Error('graph/runtime/worker must run as a worker thread')

interface LoadedProgram {
  session: Session
  bound: Values
  /**
   * The residents that the session produced. Their memory belongs to the session, so it stays open until they are
   * freed.
   */
  owned: Set<ResidentKey>
  unloaded: boolean
}

const loaded = new Map<number, LoadedProgram>()
const residents = new Map<ResidentKey, { value: Resident; owner: LoadedProgram }>()

const free = async (key: ResidentKey) => {
  const resident = residents.get(key)
  if (!resident) return
  const { value, owner } = resident
  value.dispose()
  residents.delete(key)
  owner.owned.delete(key)
  if (owner.unloaded && owner.owned.size === 0) await owner.session.close()
}

const actions: {
  [K in WorkerRequest['kind']]: (request: Extract<WorkerRequest, { kind: K }>) => Promise<Record<string, Data>>
} = {
  load: async ({ key, executable, bound, options }) => {
    loaded.set(key, { session: await openSession(executable, options), bound, owned: new Set(), unloaded: false })
    return {}
  },
  run: async ({ key, feeds, symbols, into, residents: used, keep }) => {
    const program = loaded.get(key)
    if (!program) throw new Error(`program ${key} is not loaded`)
    const residentInputs = Object.entries(used).map(([name, number]) => [
      name,
      residents.get(number)?.value as Resident,
    ])
    const newResidents = new Map<string, Resident>()
    const results = await program.session.run(
      { ...program.bound, ...feeds, ...Object.fromEntries(residentInputs) },
      symbols,
      into,
      newResidents,
    )
    for (const [name, value] of newResidents) {
      await free(keep[name])
      residents.set(keep[name], { value, owner: program })
      program.owned.add(keep[name])
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
    if (program.owned.size === 0) await program.session.close()
    return {}
  },
  close: async () => {
    for (const key of [...residents.keys()]) await free(key)
    for (const { session } of loaded.values()) await session.close()
    return {}
  },
}

// Requests run one after the other: `run` blocks the thread, so a second one could not run earlier anyway.
let last: Promise<void> = Promise.resolve()
port.on('message', (request: WorkerRequest) => {
  last = last.then(async () => {
    try {
      const results = await (actions[request.kind] as (r: WorkerRequest) => Promise<Record<string, Data>>)(request)
      port.postMessage({ id: request.id, results } satisfies WorkerResponse, ownBuffers(results))
    } catch (error) {
      port.postMessage({ id: request.id, failure: (error as Error).message } satisfies WorkerResponse)
    }
    if (request.kind === 'close') port.close()
  })
})
