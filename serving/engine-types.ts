import type { Base } from '../checkpoint/base.ts'
import type { PlainError } from '../core/errors.ts'
import type { DeviceKind } from '../graph/runtime/devices/device-description.ts'
import type { Truncation } from '../model/encode.ts'

export interface EngineOptions {
  /** A base, or its folder. */
  base: string | Base
  /** The folder of an adapter, asked for when a row needs one that is not in memory. */
  folderOf(key: string): Promise<string>
  /** Threads that run the model; one for each core where absent. */
  threads?: number
  /** Where the model runs; the CPU where absent. */
  device?: DeviceKind
  /** Rows that may wait; one more is refused. */
  queue?: number
  /**
   * Bytes of adapters kept in memory; least recently used go first. Where absent 512 MiB, or room for two full models of the base if that
   * is more. A device with memory of its own has a copy of the full models among them.
   */
  adapterBytes?: number
}

/** What a folder is, checked on the base. */
export interface AdapterDescription {
  method: string
  base: string
  trainable: number
  total: number
  /** SHA-256 of its file of weights. */
  digest: string
  /** What it takes in memory. */
  bytes: number
  layout: string
  labels: readonly string[]
  metrics?: Record<string, unknown>
}

export interface Prediction {
  label: string
  score: number
  scores: Record<string, number>
  tokens: number
  truncated: boolean
  /** Where the row asked for it. */
  detail?: PredictionDetail
}

export interface PredictionDetail {
  /** What the model gave each label, before temperature and softmax. */
  logits: Record<string, number>
  /** Tokens of the whole text, those that were cut among them. */
  tokens: number
  /** Milliseconds in which the text became tokens, then waited for a thread, then was scored with its batch. */
  times: { tokenization: number; queue: number; inference: number }
}

export interface Row {
  text: string
  /** The key of an adapter: any name that `folderOf` knows. */
  adapter: string
  /** Where a text that is too long is cut; as the adapter was trained, where absent. */
  truncationSide?: Truncation['side']
  /** Asks for {@link Prediction.detail}. */
  detailed?: boolean
}

/** Answers rows by adapters that it loads when they are needed. */
export interface Engine {
  /** In memory now; the one used last comes last. */
  loaded(): readonly { key: string; digest: string; bytes: number }[]
  /**
   * Loads an adapter ahead of the first row.
   * @throws GraftError what is wrong with it
   */
  load(key: string): Promise<AdapterDescription>
  /**
   * Answers in the order of the rows. A row's failure is its own, that of its adapter included; a later row tries to load it again.
   * @param signal takes rows that wait, for their adapter as well, out again
   * @throws GraftError `overloaded` or `shutting_down`, which are those of the whole request
   */
  classify(rows: readonly Row[], signal?: AbortSignal): Promise<(Prediction | { error: PlainError })[]>
  /** Gives an adapter's memory back, once no row needs it. The next row that names it has it loaded anew. */
  forget(key: string): Promise<void>
  /** Rows that wait, for their adapter and for the tokenizer as well, of those that may. */
  readonly queue: { readonly waiting: number; readonly room: number }
  close(): Promise<void>
}
