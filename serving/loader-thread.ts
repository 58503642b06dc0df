import { basename, resolve } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { type Adapter, loadAdapter } from '../checkpoint/adapter.ts'
import { type Base, requireTokenizer } from '../checkpoint/base.ts'
import { fail, GraftError, type PlainError, toPlain } from '../core/errors.ts'
import { labelTokens } from '../model/label-words.ts'
import { type MethodConfig, methodNamed } from '../model/methods/registry.ts'
import { ledger } from '../model/parameter-count.ts'
import { laidOut } from '../model/t5/tensors.ts'
import { makeTokenizer } from '../model/tokenizer.ts'
import { type Answers, answersOf } from './adapter-answers.ts'
import type { AdapterDescription } from './engine-types.ts'

export interface LoaderData {
  /** Its tensors lie in shared memory. */
  base: Base
  /** Where values are placed. */
  memory?: SharedArrayBuffer
}

export type LoaderRequest =
  /** Reads and checks a folder. The values stay with the thread until the next request. */
  | { kind: 'read'; dir: string }
  /** Puts the values that were read into the memory from this byte on, in the order of the method's parameters. */
  | { kind: 'place'; at: number }
  /** Forgets the values that were read. */
  | { kind: 'drop' }
  | { kind: 'close' }

export type LoaderAnswer = { adapter?: ReadAdapter } | { error: PlainError }

/** All of an adapter but its values. */
export interface ReadAdapter extends Pick<Answers, 'truncation' | 'temperature'> {
  description: AdapterDescription
  method: MethodConfig
  /** The token that scores each label of the description. */
  words: readonly number[]
}

const port = parentPort
if (!port) throw new Error('serving/loader-thread runs as a thread of an engine')
const { base, memory } = workerData as LoaderData
const { json, config } = requireTokenizer(base)
const tokenizer = makeTokenizer(json, config)
let last: Adapter | undefined

async function read(dir: string): Promise<ReadAdapter> {
  const adapter = await loadAdapter(dir, base)
  const { method, values, digest, layout, manifest } = adapter
  const name = basename(resolve(dir))
  const { words, truncation, temperature } = answersOf(adapter, base, name)
  const { labels, tokens } = named(name, () => labelTokens(words, tokenizer))
  const { trainable, total } = ledger(method, base.t5)
  const bytes = [...values.values()].reduce((n, { byteLength }) => n + byteLength, 0)
  last = adapter
  const description = { method: method.method, base: base.name, trainable, total, digest, bytes, layout, labels }
  return { description: { ...description, metrics: manifest?.metrics }, method, words: tokens, truncation, temperature }
}

function place({ method, values }: Adapter, at: number, into: SharedArrayBuffer): void {
  for (const { name, from, size } of laidOut(methodNamed(method.method).parameters(method, base.t5)))
    new Float32Array(into, at + 4 * from, size).set(values.get(name) as Float32Array)
}

/** Runs a check, whose error shall tell which adapter it is about. */
function named<T>(name: string, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof GraftError)) throw error
    return fail(error.code, { ...error.detail, subject: `${name}, ${error.detail.subject}` }, error)
  }
}

async function answer(request: LoaderRequest): Promise<LoaderAnswer> {
  const before = last
  last = undefined
  try {
    if (request.kind === 'read') return { adapter: await read(request.dir) }
    if (request.kind === 'place' && before && memory) place(before, request.at, memory)
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
