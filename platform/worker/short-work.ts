import { GraftError, toPlain } from '../../core/errors.ts'
import { baseFolderOf } from '../files/base-folder.ts'
import { hidingPaths, type PathNames } from '../files/hide-paths.ts'
import type { Job } from '../queue/queue.ts'
import { getAdapter } from '../store/adapters.ts'
import { getBase } from '../store/bases.ts'
import { getDataset } from '../store/datasets.ts'
import { retryOnDisconnect } from '../store/retry-connection.ts'
import {
  type Finding,
  getShortWork,
  type ShortWorkKind,
  type ShortWorkOutcome,
  type ShortWorkRow,
  settleShortWork,
} from '../store/short-work.ts'
import { isTransient } from './retries.ts'
import { doInChild } from './short-work-in-child.ts'
import type { WorkerOptions } from './worker-options.ts'

/** Milliseconds between signs of life. */
const TOUCH_EVERY = 3_000

/**
 * Does an evaluation or a comparison, or leaves it to be tried again.
 * @param closing the worker is to stop: the work is given back at once
 */
export async function runShortWork<K extends ShortWorkKind>(
  options: WorkerOptions,
  job: Job & { kind: K },
  closing: AbortSignal,
): Promise<void> {
  const { store, queue, logger, tell } = options
  const { id, kind } = job
  const context = { [`${kind}_id`]: id }
  /** The outcome and the end of the job, in one. An evaluation that is gone went with its adapter. */
  const settle = (outcome?: ShortWorkOutcome<K>) =>
    retryOnDisconnect(() =>
      store.transaction(async (tx) => {
        if (outcome) await settleShortWork(tx, kind, id, outcome)
        await queue.done(tx, job)
      }),
    )
  const started = await retryOnDisconnect(() => settleShortWork(store.db, kind, id, { status: 'running' })).catch(
    orGone,
  )
  if (started?.status !== 'running') return settle()
  tell?.({ [kind]: id, status: 'running' })
  const touching = setInterval(() => void queue.touch(job).catch((error) => logger.error(error, context)), TOUCH_EVERY)
  try {
    const found = await work[kind](options, started, closing)
    await settle({ status: 'succeeded', ...found })
    tell?.({ [kind]: id, status: 'succeeded' })
  } catch (error) {
    if (!(await retryOnDisconnect(() => getShortWork(store.db, kind, id)).catch(orGone))) return await settle()
    if (closing.aborted) {
      await store.transaction(async (tx) => {
        await queue.done(tx, job)
        await queue.queueShortWork(tx, kind, id)
      })
      tell?.({ [kind]: id, status: 'queued' })
      return
    }
    const cause = toPlain(error)
    if (isTransient(cause) && (await retryOnDisconnect(() => queue.retry(job)))) {
      logger.error(error, context)
      tell?.({ [kind]: id, status: 'queued' })
      return
    }
    await settle({ status: 'failed', error: cause })
    tell?.({ [kind]: id, status: 'failed' })
  } finally {
    clearInterval(touching)
  }
}

type Work = {
  [K in ShortWorkKind]: (options: WorkerOptions, row: ShortWorkRow<K>, closing: AbortSignal) => Promise<Finding<K>>
}

const work: Work = {
  async evaluation(options, { adapter_id, dataset_id }, closing) {
    const { threads, device } = options
    const data = await dataOf(options, dataset_id)
    const { base, checkpoint, names } = await adapterOf(options, adapter_id)
    return hidingPaths([...data.names, ...names], () =>
      doInChild('evaluation', { base, checkpoint, data: data.path, threads, device }, closing),
    )
  },
  async comparison(options, { adapters, dataset_id }, closing) {
    const { threads, device } = options
    const data = await dataOf(options, dataset_id)
    const found = []
    for (const { id } of adapters) found.push(await adapterOf(options, id))
    const asked = found.map(({ name, base, checkpoint }) => ({ name, base, checkpoint }))
    return hidingPaths([...data.names, ...found.flatMap(({ names }) => names)], () =>
      doInChild('comparison', { adapters: asked, data: data.path, threads, device }, closing),
    )
  },
}

/** The file of a data set on this machine. */
async function dataOf({ store, cache }: WorkerOptions, id: string) {
  const { name, digest } = await retryOnDisconnect(() => getDataset(store.db, id))
  const path = await cache.file(digest)
  return { path, names: [[path, `the data set ${name}`]] satisfies PathNames }
}

/** The folders of an adapter and its base on this machine. */
async function adapterOf({ store: { db }, cache }: WorkerOptions, id: string) {
  const { name, base_id, artifact } = await retryOnDisconnect(() => getAdapter(db, id))
  const row = await retryOnDisconnect(() => getBase(db, base_id))
  const [base, checkpoint] = [await baseFolderOf(row, cache), await cache.folder(artifact)]
  const names: PathNames = [
    [checkpoint, `the adapter ${name}`],
    [base, `the base ${row.name}`],
  ]
  return { name, base, checkpoint, names }
}

function orGone(error: unknown): undefined {
  const gone = ['evaluation_unknown', 'comparison_unknown']
  if (!(error instanceof GraftError && gone.includes(error.code))) throw error
}
