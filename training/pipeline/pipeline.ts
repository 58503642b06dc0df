import { join } from 'node:path'
import { fail } from '../../core/errors.ts'
import { MAX_TOKENS } from '../../model/encode.ts'
import { withoutHtmlBreaks } from '../../model/html-breaks.ts'
import { type Downloads, limitFetch } from './limited-fetch.ts'
import { mapLabels, scoresOf } from './map-labels.ts'

/** A text classifier of transformers.js. */
export interface Pipeline {
  /** The path of a folder, or the name of a repository on the hub. */
  readonly model: string
  /** True if `model` is a folder, so that nothing is downloaded. */
  readonly isFolder: boolean
  /** The label that each of its own labels means. Defaults to finding it by the names. */
  readonly labels?: Readonly<Record<string, string>>
  /** The element type of its weights, which selects its files. Defaults to that of transformers.js. */
  readonly dtype?: string
}

export interface PipelineRequest extends Pipeline {
  readonly texts: readonly string[]
  /** The labels to predict. */
  readonly targets: readonly string[]
  /** Defaults to one per core. */
  readonly threads?: number
  /** The folder for downloaded files. */
  readonly cache: string
  /** The commit of the repository. Not set for a folder. */
  readonly revision?: string
  /** The most bytes to download. Defaults to no limit. */
  readonly maxBytes?: number
}

/** The version that Graft is tested with. */
const PACKAGE = '@huggingface/transformers@4.3.2'

/** The longest text, in tokens, for a tokenizer that names no limit. Nearly all such models have it. */
const DEFAULT_MAX_TOKENS = 512

/**
 * Classifies texts with a pipeline of transformers.js. Blocks the thread while the model runs.
 * @param onProgress called with the number of texts classified so far
 * @returns the probabilities of each text, in the order of the targets
 * @throws GraftError `pipeline_invalid` if the package is not installed, the model cannot be loaded or run, or its
 *   labels are not clear, or it is too large; `hub_unavailable` if the hub does not respond, or has too much to do
 */
export async function runPipeline(
  { model, texts, targets, labels, ...options }: PipelineRequest,
  onProgress: (done: number) => void,
): Promise<number[][]> {
  const classify = await openPipeline(model, options)
  let map: ReturnType<typeof mapLabels> | undefined
  const found: number[][] = []
  for (const text of texts) {
    const scores = await classify(withoutHtmlBreaks(text)).catch((error) => throwUnusable(model, 'failed', error))
    map ??= mapLabels(
      scores.map(({ label }) => label),
      targets,
      model,
      labels,
    )
    found.push(scoresOf(scores, targets, map))
    onProgress(found.length)
  }
  return found
}

async function openPipeline(
  model: string,
  { isFolder, dtype, threads, cache, revision, maxBytes }: Omit<PipelineRequest, 'model' | 'texts' | 'targets'>,
) {
  const { env, LogLevel, pipeline } = await importPackage()
  env.logLevel = LogLevel.ERROR
  env.allowRemoteModels = !isFolder
  // Otherwise a folder of this machine could be taken for a repository with the same name.
  env.allowLocalModels = isFolder
  env.cacheDir = cache
  // The option `revision` of transformers.js 4 does not reach its request for config.json. So all addresses name the
  // commit, and each commit has a cache of its own.
  if (revision !== undefined) {
    env.remotePathTemplate = `{model}/resolve/${revision}/`
    env.cacheDir = join(cache, model, revision)
  }
  const downloads: Downloads = { exceeded: false }
  env.fetch = limitFetch(maxBytes, downloads)
  if (process.env.HF_ENDPOINT) env.remoteHost = `${process.env.HF_ENDPOINT.replace(/\/$/, '')}/`
  const classifier = await pipeline('text-classification', model, {
    device: 'cpu',
    ...(dtype !== undefined && { dtype: dtype as 'fp32' }),
    ...(threads !== undefined && { session_options: { intraOpNumThreads: threads } }),
  }).catch((error) => {
    if (downloads.exceeded) throwTooLarge(model, maxBytes as number, error)
    if (downloads.outage) throwUnavailable(env.remoteHost, downloads.outage, error)
    return throwUnusable(model, 'cannot be loaded', error)
  })
  const { tokenizer } = classifier
  if (!(tokenizer.model_max_length <= MAX_TOKENS))
    Object.defineProperty(tokenizer, 'model_max_length', { value: DEFAULT_MAX_TOKENS })
  // With null, every label gets a score.
  return async (text: string): Promise<{ label: string; score: number }[]> =>
    (await classifier(text, { top_k: null as unknown as 2 })) as { label: string; score: number }[]
}

async function importPackage() {
  return import('@huggingface/transformers').catch((error: NodeJS.ErrnoException) =>
    fail(
      'pipeline_invalid',
      {
        subject: 'the package @huggingface/transformers',
        problem: error.code === 'ERR_MODULE_NOT_FOUND' ? 'is not installed' : `cannot be loaded: ${error.message}`,
        fix: `Install it beside Graft, where the comparison runs: npm install ${PACKAGE}`,
      },
      error,
    ),
  )
}

function throwTooLarge(model: string, maxBytes: number, error: unknown): never {
  fail(
    'pipeline_invalid',
    {
      subject: `the pipeline ${model}`,
      problem: `is more than ${Math.floor(maxBytes / 2 ** 20)} MiB to download, which is the limit of this worker`,
      fix: 'Choose smaller files with dtype, such as q8, or ask the operator to start the worker with a larger --pipeline-mib.',
    },
    error,
  )
}

function throwUnavailable(host: string, problem: string, error: unknown): never {
  const fix = 'Try again later. HF_ENDPOINT names another host, and a folder needs none.'
  return fail('hub_unavailable', { subject: `the hub at ${host}`, problem, fix }, error)
}

function throwUnusable(model: string, problem: string, error: unknown): never {
  const [reason] = String((error as Error).message ?? error).split('\n')
  return fail(
    'pipeline_invalid',
    {
      subject: `the pipeline ${model}`,
      problem: `${problem}: ${reason}`,
      fix: 'Use a text classifier with config.json, a tokenizer and onnx/model.onnx, or select its files with --pipeline-dtype, or dtype in a request.',
    },
    error,
  )
}
