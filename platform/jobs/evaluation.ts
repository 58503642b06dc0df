import { GraftError, toPlain } from '../../core/errors.ts'
import { baseFolderOf } from '../base-folder.ts'
import { hidePaths } from '../hide-paths.ts'
import { getAdapter } from '../store/adapters.ts'
import { getBase } from '../store/bases.ts'
import { getDataset } from '../store/datasets.ts'
import { type EvaluationOutcome, type EvaluationRow, getEvaluation, settleEvaluation } from '../store/evaluations.ts'
import { evaluateInChild } from './evaluate-in-child.ts'
import type { Job } from './jobs.ts'
import { isPassing } from './losses.ts'
import { persist } from './persist.ts'
import type { WorkerOptions } from './worker-options.ts'

/** Milliseconds between signs of life. */
const TOUCH_EVERY = 3_000

/**
 * Does an evaluation, or leaves it to be tried again.
 * @param closing the worker is to stop: the evaluation is given back at once
 */
export async function runEvaluation(options: WorkerOptions, job: Job, closing: AbortSignal): Promise<void> {
  const { store, jobs, report, tell } = options
  const { id } = job
  /** The outcome and the end of the job, in one. An evaluation that is gone went with its adapter. */
  const settle = (outcome?: EvaluationOutcome) =>
    persist(() =>
      store.transaction(async (tx) => {
        if (outcome) await settleEvaluation(tx, id, outcome)
        await jobs.done(tx, job)
      }),
    )
  const started = await persist(() => settleEvaluation(store.db, id, { status: 'running' })).catch(orGone)
  if (started?.status !== 'running') return settle()
  tell?.({ evaluation: id, status: 'running' })
  const touching = setInterval(
    () => void jobs.touch(job).catch((error) => report(error, `evaluation ${id}`)),
    TOUCH_EVERY,
  )
  try {
    const metrics = await measure(options, started, closing)
    await settle({ status: 'succeeded', metrics })
    tell?.({ evaluation: id, status: 'succeeded' })
  } catch (error) {
    if (!(await persist(() => getEvaluation(store.db, id)).catch(orGone))) return await settle()
    if (closing.aborted) {
      await store.transaction(async (tx) => {
        await jobs.done(tx, job)
        await jobs.queueEvaluation(tx, id)
      })
      tell?.({ evaluation: id, status: 'queued' })
      return
    }
    const cause = toPlain(error)
    if (isPassing(cause) && (await persist(() => jobs.retry(job)))) {
      report(error, `evaluation ${id}`)
      tell?.({ evaluation: id, status: 'queued' })
      return
    }
    await settle({ status: 'failed', error: cause })
    tell?.({ evaluation: id, status: 'failed' })
  } finally {
    clearInterval(touching)
  }
}

async function measure(
  { store: { db }, folders, threads, device }: WorkerOptions,
  { adapter_id, dataset_id }: EvaluationRow,
  closing: AbortSignal,
) {
  const [adapter, dataset] = await persist(async () => [
    await getAdapter(db, adapter_id),
    await getDataset(db, dataset_id),
  ])
  const base = await persist(() => getBase(db, adapter.base_id))
  const paths = {
    base: await baseFolderOf(base, folders),
    checkpoint: await folders.folder(adapter.artifact),
    data: await folders.file(dataset.digest),
  }
  return evaluateInChild({ ...paths, threads, device }, closing).catch((error) => {
    throw hidePaths(error, [
      [paths.data, `the data set ${dataset.name}`],
      [paths.checkpoint, `the adapter ${adapter.name}`],
      [paths.base, `the base ${base.name}`],
    ])
  })
}

function orGone(error: unknown): undefined {
  if (!(error instanceof GraftError && error.code === 'evaluation_unknown')) throw error
}
