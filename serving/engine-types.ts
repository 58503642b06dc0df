import type { Base } from '../checkpoint/base.ts'
import type { PlainError } from '../core/errors.ts'
import type { DeviceKind } from '../graph/runtime/devices/device-description.ts'
import type { Truncation } from '../model/encode.ts'
import type { ServingPrecision } from '../model/quantized-weights.ts'

export interface EngineOptions {
  /** A base, or its folder. The threads of the engine start while it is read. */
  base: string | Base | Promise<Base>
  /** Returns the folder of an adapter. Called when a row needs an adapter that is not in memory. */
  folderOf(key: string): Promise<string>
  /** Threads that run the model. Defaults to one for each core. */
  threads?: number
  /** Device that runs the model. Defaults to the CPU. */
  device?: DeviceKind
  /**
   * The precision of the products with the weights of Linears. `int8` needs the CPU. What an adapter adds is computed
   * in f32. Defaults to `f32`.
   */
  precision?: ServingPrecision
  /** Maximum number of rows that wait. A request that exceeds it is rejected. Defaults to 4,096. */
  queueCapacity?: number
  /**
   * Maximum number of characters that wait to be tokenized. A request that exceeds it is rejected. Defaults to 8
   * million, which take about ten seconds if no word is in the tokenizer's cache.
   */
  queueCharacters?: number
  /** Milliseconds after which a request that is not complete fails. Defaults to no limit. */
  deadlineMs?: number
  /**
   * The most tokens that an adapter may read at once, virtual tokens included. Adapters that read more are rejected.
   * Defaults to 2,048.
   */
  maxTokens?: number
  /**
   * Bytes of adapters kept in memory; the least recently used are evicted first. Defaults to 512 MiB, or to the size of
   * two full models of the base if that is more. A device with its own memory holds a second copy of the full models.
   */
  adapterBytes?: number
  /**
   * Reads adapters and tokenizes on the calling thread, which starts sooner than further threads. For a process that
   * has nothing else to do meanwhile. Defaults to false.
   */
  alone?: boolean
}

/** Facts about an adapter that was loaded and validated on the base. */
export interface AdapterDescription {
  method: string
  base: string
  trainable: number
  total: number
  /** SHA-256 of its file of weights. */
  digest: string
  /** Size in memory. */
  bytes: number
  layout: string
  labels: readonly string[]
  /** The number by which logits are divided before softmax. */
  temperature: number
  metrics?: Record<string, unknown>
}

export interface Prediction {
  label: string
  score: number
  scores: Record<string, number>
  tokens: number
  truncated: boolean
  /** A reason not to trust the label. */
  warning?: string
  /** Present if the row is `detailed`. */
  detail?: PredictionDetail
  /** Present if the row is `explained`. */
  explanation?: Explanation
}

/**
 * The part of each word of a text in a prediction, as the API returns it: the contributions of the words and
 * `other` add up to `difference - baseline_difference`, with a relative error of `completeness_error`.
 */
export interface Explanation {
  /** The predicted label. */
  target: string
  /** The label with the next largest logit. */
  against: string
  /** The logit of the target minus the one of `against`. */
  difference: number
  /** The same difference for a text of as many tokens whose embeddings are zeros. */
  baseline_difference: number
  completeness_error: number
  /** How many gradients were computed. */
  steps: number
  /** The words that were read, in their order. */
  words: ExplainedWord[]
  /** The contribution of tokens that belong to no word. */
  other: number
}

/** `start` and `end` are offsets in the text, in UTF-16 code units. */
interface ExplainedWord {
  text: string
  start: number
  end: number
  contribution: number
}

export interface PredictionDetail {
  /** The model's output for each label, before temperature and softmax. */
  logits: Record<string, number>
  /** Tokens of the whole text, before truncation. */
  tokens: number
  /** Milliseconds of tokenization, of the wait for a thread, and of the batch that scored the row. */
  times: { tokenization: number; queue: number; inference: number }
}

/** A text and the adapter that classifies it. */
export interface Row {
  text: string
  /** The adapter's key: any name that `folderOf` knows. */
  adapter: string
  /** The id of the adapter's base, if the engine serves several. Defaults to the first one. */
  base?: string
  /** The text's place in the request, as errors name it: `inputs[3]`. Defaults to "the text". */
  subject?: string
  /** The adapter's name in errors, if its key is the digest of an artifact. */
  displayName?: string
  /** The side from which a long text is truncated. Defaults to the side with which the adapter was trained. */
  truncationSide?: Truncation['side']
  /** Adds {@link Prediction.detail} to the answer. */
  detailed?: boolean
  /** Adds {@link Prediction.explanation} to the answer, which costs about as much as a hundred predictions. */
  explained?: boolean
}

/** A batch that has run. */
export interface BatchReport {
  /** The time that it ran. */
  seconds: number
  /** How long each of its rows waited for a thread after it was tokenized. */
  waitSeconds: readonly number[]
  /** Tokens of its rows, without padding. */
  tokens: number
}

/** Classifies rows with adapters that it loads when they are needed. */
export interface Engine {
  /** The adapters in memory, the most recently used last. */
  listLoaded(): readonly { key: string; digest: string; bytes: number }[]
  /**
   * Loads an adapter before the first row needs it.
   * @param dir a folder with the adapter. Defaults to the one of `folderOf`
   * @param base the id of its base, if the engine serves several. Defaults to the first one
   * @throws GraftError if the adapter is missing or invalid
   */
  load(key: string, dir?: string, base?: string): Promise<AdapterDescription>
  /**
   * Answers in the order of the rows. A row that fails, or whose adapter fails to load, does not affect the others; a
   * later row tries to load the adapter again.
   * @param signal removes rows that wait for a thread or for their adapter
   * @param client who sends the rows. Clients take turns. Defaults to a client of its own for each request
   * @throws GraftError `overloaded`, `prediction_timeout` or `shutting_down`, which apply to the whole request
   */
  classify(rows: readonly Row[], signal?: AbortSignal, client?: string): Promise<(Prediction | { error: PlainError })[]>
  /** Frees an adapter's memory once no row needs it. The next row that names the adapter loads it again. */
  unload(key: string): Promise<void>
  /** Calls the listener after each batch. */
  onBatch(listener: (batch: BatchReport) => void): void
  /** The most tokens that an adapter may read at once, virtual tokens included. */
  readonly maxTokens: number
  /**
   * `waiting` includes rows that wait for their adapter or for the tokenizer; `characters` is how many may wait for the
   * tokenizer.
   */
  readonly queue: { readonly waiting: number; readonly capacity: number; readonly characters: number }
  close(): Promise<void>
}
