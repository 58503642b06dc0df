import { ignoreErrors } from '../../core/errors.ts'
import { toPlain } from '../../core/to-plain.ts'
import { recordError } from '../../core/tracing.ts'
import { fetchBaseFolder } from '../files/base-folder.ts'
import { type PathNames, withRedactedPaths } from '../files/redact-paths.ts'
import { hubCache, requirePipelinesAllowed } from '../offline/pipeline.ts'
import { announceShortWork } from '../queue/announce.ts'
import type { Job } from '../queue/queue.ts'
import { selectAdapter } from '../store/adapters.ts'
import { selectBase } from '../store/bases.ts'
import { selectDataset } from '../store/datasets.ts'
import { retryOnDisconnect } from '../store/retry-connection.ts'
import {
  type ShortWorkKind,
  type ShortWorkOutcome,
  type ShortWorkResult,
  type ShortWorkRow,
  selectShortWork,
  updateShortWork,
} from '../store/short-work.ts'
import { isTransient } from './retries.ts'
import { runShortWorkProcess } from './short-work-process.ts'
import { isOutOfTime, outOfTimeError } from './time-limit.ts'
import type { WorkerOptions } from './worker-options.ts'

/** The time between two heartbeats of a job. */
const TOUCH_INTERVAL_MS = 3_000

/**
 * Does a piece of short work (an evaluation or a comparison), or leaves it to be retried.
 * @param closing signals that the worker is closing: the work is stopped and requeued at once
 */
export async function runShortWork<K extends ShortWorkKind>(
  options: WorkerOptions,
  job: Job & { kind: K },
  closing: AbortSignal,
): Promise<void> {
  const { store, queue, logger, onEvent } = options
  const { id, kind } = job
  const context = { [`${kind}_id`]: id }
  /**
   * Writes the outcome and completes the job in one transaction. A row that was deleted with its adapter gets no
   * outcome.
   */
  const settle = (outcome?: ShortWorkOutcome<K>) =>
    retryOnDisconnect(() =>
      store.transaction(async (tx) => {
        const ended = outcome && (await updateShortWork(tx, kind, id, outcome))
        if (ended) await announceShortWork(tx, queue, kind, ended)
        await queue.complete(tx, job)
      }),
    )
  const row = await retryOnDisconnect(() => updateShortWork(store.db, kind, id, { status: 'running' }))
  if (!row) return settle()
  onEvent?.({ ...context, status: 'running' })
  const heartbeat = setInterval(
    () => void queue.touch(job).catch((error) => logger.error(error, context)),
    TOUCH_INTERVAL_MS,
  )
  try {
    const finding = await runners[kind](options, row, closing)
    await settle({ status: 'succeeded', ...finding })
    onEvent?.({ ...context, status: 'succeeded' })
  } catch (error) {
    if (!(await retryOnDisconnect(() => selectShortWork(store.db, kind, id)).catch(ignoreGone))) return await settle()
    const outOfTime = isOutOfTime(closing)
    if (closing.aborted && !outOfTime) {
      await store.transaction(async (tx) => {
        await queue.complete(tx, job)
        await queue.enqueueShortWork(tx, kind, id)
      })
      onEvent?.({ ...context, status: 'queued' })
      return
    }
    const failure = outOfTime ? outOfTimeError(`${kind}_failed`, `the ${kind}`) : error
    recordError(failure)
    const cause = toPlain(failure)
    if (isTransient(cause) && (await retryOnDisconnect(() => queue.retry(job)))) {
      logger.error(failure, context)
      onEvent?.({ ...context, status: 'queued' })
      return
    }
    await settle({ status: 'failed', error: cause })
    onEvent?.({ ...context, status: 'failed' })
  } finally {
    clearInterval(heartbeat)
  }
}

type Runners = {
  [K in ShortWorkKind]: (
    options: WorkerOptions,
    row: ShortWorkRow<K>,
    closing: AbortSignal,
  ) => Promise<ShortWorkResult<K>>
}

const runners: Runners = {
  async evaluation(options, { adapter_id, dataset_id }, closing) {
    const { threads, device } = options
    const data = await fetchDataset(options, dataset_id)
    const { base, checkpoint, names } = await fetchAdapter(options, adapter_id)
    return withRedactedPaths([...data.names, ...names], () =>
      runShortWorkProcess(
        'evaluation',
        { base, checkpoint, data: data.path, reading: data.reading, threads, device },
        closing,
      ),
    )
  },
  async comparison(options, { adapters, pipelines, dataset_id }, closing) {
    const { threads, device, allowPipelines, pipelineBytes } = options
    if (pipelines.length > 0) requirePipelinesAllowed(allowPipelines)
    const data = await fetchDataset(options, dataset_id)
    const fetched = []
    for (const { id } of adapters) fetched.push(await fetchAdapter(options, id))
    const compared = fetched.map(({ name, base, checkpoint }) => ({ name, base, checkpoint }))
    const names: PathNames = [...data.names, ...fetched.flatMap(({ names }) => names), [hubCache(), 'the hub’s cache']]
    return withRedactedPaths(names, () =>
      runShortWorkProcess(
        'comparison',
        {
          adapters: compared,
          pipelines: pipelines.map((pipeline) => ({ ...pipeline, isFolder: false })),
          pipelineBytes,
          data: data.path,
          reading: data.reading,
          threads,
          device,
        },
        closing,
      ),
    )
  },
}

/** Downloads a data set to the local cache. */
async function fetchDataset({ store, cache }: WorkerOptions, id: string) {
  const { name, digest, reading } = await retryOnDisconnect(() => selectDataset(store.db, id))
  const path = await cache.file(digest)
  return { path, reading, names: [[path, `the data set ${name}`]] satisfies PathNames }
}

/** Downloads an adapter and its base to the local cache. */
async function fetchAdapter({ store: { db }, cache }: WorkerOptions, id: string) {
  const { name, base_id, artifact } = await retryOnDisconnect(() => selectAdapter(db, id))
  const baseRow = await retryOnDisconnect(() => selectBase(db, base_id))
  const [base, checkpoint] = [await fetchBaseFolder(baseRow, cache), await cache.folder(artifact)]
  const names: PathNames = [
    [checkpoint, `the adapter ${name}`],
    [base, `the base ${baseRow.name}`],
  ]
  return { name, base, checkpoint, names }
}

const ignoreGone = ignoreErrors('evaluation_unknown', 'comparison_unknown')
