// The types of the library. They name nothing of other folders, so that they change only on purpose. A test compares
// them with the schemas.

/** An error of Graft. All functions of the library reject with one if their input or its files are wrong. */
export interface GraftError extends Error {
  /** One of the codes of docs/errors.md, such as `data_format`. */
  readonly code: string
  /** The subject of the error, with what happened and how to fix it. */
  readonly detail: {
    readonly subject: string
    readonly fix: string
    readonly expected?: string
    readonly found?: string
    readonly problem?: string
  }
}

/** The machinery that computes. */
interface Compute {
  /** The folder of the base, or its name on the Hugging Face hub. Defaults to the embedded base. */
  base?: string
  /** The number of threads. Defaults to one for each core. */
  threads?: number
}

/** The settings of {@link train}. They are the flags of `graft train`, in snake_case. */
export interface TrainOptions extends Compute {
  /** The file of reviews to train on, in a format of docs/data.md. It may be compressed with gzip. */
  data: string
  /** The folder to write the adapter to. It must not exist. */
  out: string
  /** The file of reviews to evaluate the adapter on after the training. */
  test?: string
  /** The folder of an adapter to continue from, whose method the training uses. Defaults to a new adapter. */
  from_adapter?: string
  /** Defaults to that of `from_adapter`, or to `lora`. */
  method?: 'lora' | 'bottleneck' | 'soft-prompt' | 'ia3' | 'prefix' | 'full'
  /** The library whose function is trained and whose layout is written. Defaults to the one of the method. */
  style?: 'peft' | 'adapterhub' | 'opendelta'
  /** Continues the interrupted training in `out`. Defaults to false. */
  resume?: boolean
  /** Aborts the training after its state is saved. */
  signal?: AbortSignal
  /** Called with everything that happens. */
  onEvent?: (event: TrainEvent) => void
  /** Passes over the data. Defaults to 1. */
  epochs?: number
  /** Optimizer steps, instead of epochs. */
  steps?: number
  /** The peak learning rate. Defaults to the rate of the method. */
  learning_rate?: number
  warmup?: number
  weight_decay?: number
  max_grad_norm?: number
  dropout?: number
  /** Tokens of an optimizer step. */
  batch_tokens?: number
  /** Reviews of an optimizer step, instead of `batch_tokens`. */
  batch_size?: number
  micro_tokens?: number
  /** Longer reviews are truncated. Defaults to 512. */
  max_tokens?: number
  truncation_side?: 'left' | 'right' | 'middle'
  loss?: 'labels' | 'vocabulary'
  /** The word that represents each label. */
  label_words?: Record<string, string>
  /** Reviews to hold out and to calibrate the probabilities on. Defaults to `auto`. */
  calibration_rows?: number | 'auto'
  /** The column of the texts: its name, its number from 1, or a path. Defaults to the usual names. */
  text_column?: string
  /** The column of the labels. Defaults to the usual names. */
  label_column?: string
  /** Skips rows that cannot be read. Defaults to false. */
  skip_bad?: boolean
  /** The largest share of the rows that may be skipped. Defaults to a tenth. */
  max_skipped?: number
  evaluate_every?: number
  save_seconds?: number
  seed?: number
  device?: 'auto' | 'cpu' | 'webgpu' | 'cuda'
  precision?: 'f32' | 'f16' | 'int8-frozen'
  /** The fields of the method, such as `rank`. `graft train --help` lists them. */
  [field: string]: unknown
}

/** An event of a training. `graft train` shows the same. */
export interface TrainEvent {
  /** Such as `stage`, `plan`, `step`, `evaluation`, `saved` or `done`. */
  readonly type: string
  readonly [field: string]: unknown
}

export interface TrainResult {
  /** The folder of the adapter. */
  readonly checkpoint: string
  readonly steps: number
  /** Trained parameters. */
  readonly trainable: number
  /** All parameters. */
  readonly total: number
  readonly seconds: number
  readonly reviews_per_second: number
  /** A running mean over the last steps. */
  readonly loss: number
  readonly calibration: { readonly reviews: number; readonly temperature: number }
  /** Set if there are test data. */
  readonly accuracy?: number
}

/** Options of {@link loadClassifier}. */
export interface ClassifierOptions extends Compute {
  /** The folder of an adapter or of a full model. Defaults to the adapter for film reviews that comes with Graft. */
  adapter?: string
  /** Defaults to `cpu`. */
  device?: 'cpu' | 'webgpu' | 'cuda'
  /**
   * The precision of the products with the weights. `int8` is faster and needs the CPU; `auto` measures the base on
   * sample texts first, and chooses it if it changes little. Defaults to `f32`.
   */
  precision?: 'auto' | 'f32' | 'int8'
}

export interface Prediction {
  readonly label: string
  /** The probability of the label. */
  readonly score: number
  /** The probability of each label. */
  readonly scores: Readonly<Record<string, number>>
  /** Tokens that were read. */
  readonly tokens: number
  /** True if the text was too long and only a part was read. */
  readonly truncated: boolean
  /** A reason not to trust the label. Set if most of the text is unknown to the base. */
  readonly warning?: string
  /** Set if `classify` was called with `explain`. docs/explaining.md explains all fields. */
  readonly explanation?: Explanation
}

/**
 * The part of each word of a text in its prediction. The contributions and `other` add up to `difference` minus
 * `baseline_difference`, with a relative error of `completeness_error`.
 */
export interface Explanation {
  /** The predicted label. */
  readonly target: string
  /** The label with the next largest probability. */
  readonly against: string
  /** The logit of the target minus the logit of the other label. */
  readonly difference: number
  /** The same difference for an empty text of the same length. */
  readonly baseline_difference: number
  readonly completeness_error: number
  /** The number of gradients that were computed. */
  readonly steps: number
  /** The words that were read. `start` and `end` are offsets in the text, in UTF-16 code units. */
  readonly words: readonly {
    readonly text: string
    readonly start: number
    readonly end: number
    readonly contribution: number
  }[]
  /** The contribution of tokens that belong to no word. */
  readonly other: number
}

/** An adapter in memory. */
export interface Classifier {
  readonly labels: readonly string[]
  /**
   * Classifies texts, in their order.
   * @param options.explain whether to explain each prediction, which takes about a hundred times as long. Defaults to
   * false
   * @throws GraftError `text_invalid` with the number of a text that is empty or too long
   */
  classify(texts: readonly string[], options?: { explain?: boolean }): Promise<Prediction[]>
  /** Frees the threads and the memory. */
  close(): Promise<void>
}

/** Options of {@link compareAdapters}. */
export interface CompareOptions extends Compute {
  /** The folders of two or more adapters, or of one if there is a pipeline. */
  adapters: readonly string[]
  /** Text classifiers of transformers.js to compare them with. Defaults to none. */
  pipelines?: readonly PipelineOptions[]
  /** The file of reviews with labels. */
  data: string
  /** The column of the texts. Defaults to the usual names. */
  text_column?: string
  /** The column of the labels. Defaults to the usual names. */
  label_column?: string
  /** Defaults to `cpu`. */
  device?: 'cpu' | 'webgpu' | 'cuda'
  /** Called with the number of answers so far and their total number. */
  onProgress?: (done: number, total: number) => void
}

/** A text classifier of transformers.js. It needs the package `@huggingface/transformers`. */
export interface PipelineOptions {
  /** A folder, or the name of a repository on the hub. */
  model: string
  /** The label of the adapters that each of its labels means. Defaults to finding it by their names. */
  labels?: Readonly<Record<string, string>>
  /** The element type of its weights, which selects its files. Defaults to `fp32`. */
  dtype?: 'fp32' | 'fp16' | 'q8' | 'int8' | 'uint8' | 'q4' | 'bnb4' | 'q4f16'
}

/** The part of a comparison that most programs need. docs/comparing.md explains all fields. */
export interface CompareResult {
  /** The number of reviews. */
  readonly n: number
  readonly adapters: readonly {
    /** The name of the folder, or of the repository on the hub. */
    readonly name: string
    readonly accuracy: number
    /** The 95 % interval of the accuracy. */
    readonly interval: readonly [low: number, high: number]
    readonly f1: number
    readonly ece: number
    /** The commit of the repository, for a pipeline of the hub. */
    readonly revision?: string
    /** The predictions by the probability of their label, in the bins of the calibration error that are not empty. */
    readonly bins: readonly {
      readonly low: number
      readonly high: number
      readonly n: number
      readonly confidence: number
      readonly accuracy: number
      readonly interval: readonly [low: number, high: number]
    }[]
    /** Trained parameters. Not set for a pipeline. */
    readonly trainable?: number
  }[]
  readonly pairs: readonly {
    readonly a: string
    readonly b: string
    /** The accuracy of b minus the accuracy of a. */
    readonly difference: number
    readonly interval: readonly [low: number, high: number]
    readonly adjusted_p: number
    /** The better adapter, or null if the reviews cannot tell. */
    readonly better: string | null
    readonly verdict: string
  }[]
  readonly verdict: string
}
