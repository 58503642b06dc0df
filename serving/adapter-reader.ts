import { basename, resolve } from 'node:path'
import { type Adapter, type LoadOptions, loadAdapter } from '../checkpoint/adapter.ts'
import { type Base, requireTokenizer } from '../checkpoint/base.ts'
import { fail, GraftError, type PlainError } from '../core/errors.ts'
import { toPlain } from '../core/to-plain.ts'
import { modelOf } from '../model/architectures.ts'
import { type MethodConfig, parametersOf } from '../model/methods/registry.ts'
import { countTrainable } from '../model/parameter-count.ts'
import type { ServingPrecision } from '../model/quantized-weights.ts'
import { makeTokenizer } from '../model/tokenizer.ts'
import { layoutOf } from './adapter-layout.ts'
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
  /** Defaults to `f32`. */
  precision?: ServingPrecision
}

export type LoaderRequest =
  /** Reads and validates a folder. Its values are kept until the next request. */
  | { kind: 'read'; dir: string }
  /** Copies the values into the memory from this byte offset on, in the order of the method's parameters. */
  | { kind: 'place'; offset: number }
  /** Drops the values. */
  | { kind: 'drop' }
  | { kind: 'close' }

export type LoaderAnswer = { adapter?: ReadAdapter } | { error: PlainError }

/** Sent while a request to read is at work: what the folder says about the method, before anything is validated. */
export interface LoaderNotice {
  method: MethodConfig
}

/** An adapter without its values. */
export interface ReadAdapter extends Pick<AdapterSettings, 'truncation'> {
  description: AdapterDescription
  method: MethodConfig
  /** The token that scores each label of the description. */
  words: readonly number[]
}

/**
 * Reads adapters for an engine. It keeps the values of the last one until the next request.
 * @param notify called as soon as the method of an adapter is known
 */
export function makeAdapterReader(
  { base, memory, maxTokens, precision = 'f32' }: LoaderData,
  notify: (notice: LoaderNotice) => void,
): (request: LoaderRequest) => Promise<LoaderAnswer> {
  const model = modelOf(base)
  const { json, config } = requireTokenizer(base)
  const tokenizer = makeTokenizer(json, config)
  /** The adapter that the previous request read. */
  let last: Adapter | undefined
  const layoutIn = (method: MethodConfig) => layoutOf(parametersOf(method, model), model, precision)

  async function read(dir: string): Promise<ReadAdapter> {
    const name = basename(resolve(dir))
    const requireAllowed: LoadOptions['requireAllowed'] = (method, manifest) => {
      const adapter = { method, maxTokens: truncationOf(manifest).maxTokens }
      if (maxTokens !== undefined) requireServable(adapter, model, maxTokens, name)
      notify({ method })
    }
    const adapter = await loadAdapter(dir, base, { requireAllowed })
    const { method, digest, layout, manifest } = adapter
    const { words, truncation, temperature } = settingsOf(adapter, base, name)
    const { labels, tokens } = withAdapterName(name, () => model.labelTokens(words, tokenizer))
    const { trainable, total } = countTrainable(method, model)
    const { bytes } = layoutIn(method)
    last = adapter
    const facts = {
      method: method.method,
      base: base.name,
      trainable,
      total,
      digest,
      bytes,
      layout,
      labels,
      temperature,
    }
    return { description: { ...facts, metrics: manifest?.metrics }, method, words: tokens, truncation }
  }

  return async (request) => {
    const previous = last
    last = undefined
    try {
      if (request.kind === 'read') return { adapter: await read(request.dir) }
      if (request.kind === 'place' && previous && memory)
        layoutIn(previous.method).place(previous.values, memory, request.offset)
      return {}
    } catch (error) {
      return { error: toPlain(error) }
    }
  }
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
