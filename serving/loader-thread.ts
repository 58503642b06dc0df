import { basename, resolve } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { type Adapter, type LoadOptions, loadAdapter } from '../checkpoint/adapter.ts'
import { type Base, requireTokenizer } from '../checkpoint/base.ts'
import { fail, GraftError, type PlainError } from '../core/errors.ts'
import { toPlain } from '../core/to-plain.ts'
import { modelOf } from '../model/architectures.ts'
import { type MethodConfig, parametersOf } from '../model/methods/registry.ts'
import { countTrainable } from '../model/parameter-count.ts'
import { packTensors } from '../model/tensor-shapes.ts'
import { makeTokenizer } from '../model/tokenizer.ts'
import { requireServable } from './adapter-limits.ts'
import { type AdapterSettings, settingsOf, truncationOf } from './adapter-settings.ts'
import type { AdapterDescription } from './engine-types.ts'

export interface LoaderData {
  /** Its tensors are in shared memory. */
  base: Base
  /** The memory that receives values. */
  memory?: SharedArrayBuffer
  /** The most tokens that an adapter may read at once. If not set, any adapter may be loaded. */
  maxTokens?: number
}

export type LoaderRequest =
  /** Reads and validates a folder. The thread keeps the values until the next request. */
  | { kind: 'read'; dir: string }
  /** Copies the values into the memory from this byte offset on, in the order of the method's parameters. */
  | { kind: 'place'; offset: number }
  /** Drops the values. */
  | { kind: 'drop' }
  | { kind: 'close' }

export type LoaderAnswer = { adapter?: ReadAdapter } | { error: PlainError }

/** An adapter without its values. */
export interface ReadAdapter extends Pick<AdapterSettings, 'truncation'> {
  description: AdapterDescription
  method: MethodConfig
  /** The token that scores each label of the description. */
  words: readonly number[]
}

const port = parentPort
if (!port) throw new Error('serving/loader-thread must run as a worker thread')
const { base, memory, maxTokens } = workerData as LoaderData
const model = modelOf(base)
const { json, config } = requireTokenizer(base)
const tokenizer = makeTokenizer(json, config)
/** The adapter that the previous request read. */
let last: Adapter | undefined

async function read(dir: string): Promise<ReadAdapter> {
  const name = basename(resolve(dir))
  const requireAllowed: LoadOptions['requireAllowed'] = (method, manifest) => {
    const adapter = { method, maxTokens: truncationOf(manifest).maxTokens }
    if (maxTokens !== undefined) requireServable(adapter, model, maxTokens, name)
  }
  const adapter = await loadAdapter(dir, base, { requireAllowed })
  const { method, values, digest, layout, manifest } = adapter
  const { words, truncation, temperature } = settingsOf(adapter, base, name)
  const { labels, tokens } = withAdapterName(name, () => model.labelTokens(words, tokenizer))
  const { trainable, total } = countTrainable(method, model)
  const bytes = [...values.values()].reduce((n, { byteLength }) => n + byteLength, 0)
  last = adapter
  const facts = { method: method.method, base: base.name, trainable, total, digest, bytes, layout, labels, temperature }
  return { description: { ...facts, metrics: manifest?.metrics }, method, words: tokens, truncation }
}

function place({ method, values }: Adapter, offset: number, memory: SharedArrayBuffer): void {
  for (const { name, from, size } of packTensors(parametersOf(method, model)))
    new Float32Array(memory, offset + 4 * from, size).set(values.get(name) as Float32Array)
}

/** Runs a check and adds the adapter's name to its errors. */
function withAdapterName<T>(name: string, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof GraftError)) throw error
    return fail(error.code, { ...error.detail, subject: `${name}, ${error.detail.subject}` }, error)
  }
}

async function answer(request: LoaderRequest): Promise<LoaderAnswer> {
  const previous = last
  last = undefined
  try {
    if (request.kind === 'read') return { adapter: await read(request.dir) }
    if (request.kind === 'place' && previous && memory) place(previous, request.offset, memory)
    return {}
  } catch (error) {
    return { error: toPlain(error) }
  }
}

let turn: Promise<void> = Promise.resolve()
port.on('message', (request: LoaderRequest) => {
  turn = turn.then(async () => {
    port.postMessage(await answer(request))
    if (request.kind === 'close') port.close()
  })
})
