import { statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { GraftError } from '../../../core/errors.ts'
import { selectAdapter } from '../../../platform/store/adapters.ts'
import { insertEvaluation } from '../../../platform/store/evaluations.ts'
import { selectShortWork } from '../../../platform/store/short-work.ts'
import { selectTrainingById } from '../../../platform/store/trainings.ts'
import { workWithin } from '../../../platform/worker/work-within.ts'
import { workOnce } from '../../../platform/worker/worker.ts'
import { embeddedPlace } from '../../contract/store/embedded.ts'
import { waitUntil } from './wait-until.ts'
import { launchTraining, setUpWorker, type WorkerSetup } from './worker-context.ts'

const logged: unknown[] = []
let setup: WorkerSetup

beforeAll(async () => {
  setup = await setUpWorker(embeddedPlace, logged)
})
afterAll(async () => {
  await setup.context.close()
  await setup.place.remove()
  await rm(setup.home, { recursive: true, force: true })
})

/** Returns the codes and problems of the errors that the worker has logged since the last call. */
const takeLogged = () => logged.splice(0).map((error) => (error instanceof GraftError ? error.message : error))

const TOO_LONG = 'did not fit into the time that its worker had'

test('a slice that ends before it has anything to save counts as a failed attempt, and one with enough time continues', async () => {
  const { context, inputs } = setup
  const { id } = await launchTraining(context, inputs, { steps: 20 }, { name: 'limited' })
  expect(await workWithin(context, 1)).toEqual({
    ...{ worked: true, training_id: id, slice: 1, status: 'queued', waiting: 1 },
  })
  expect(takeLogged()).toEqual([expect.stringContaining(`The slice ${TOO_LONG}`)])
  expect(await selectTrainingById(context.store.db, id)).toMatchObject({ status: 'queued', failed_attempts: 1 })
  // The next attempt comes after a second.
  const result = await waitUntil(
    () => workWithin(context, 600_000),
    ({ worked }) => worked,
  )
  expect(result).toMatchObject({ training_id: id, slice: 2, status: 'succeeded', step: 20, waiting: 0 })
  expect(takeLogged()).toEqual([])
})

test('an evaluation that does not fit is given up after four attempts', async () => {
  const { context, inputs } = setup
  const { db } = context.store
  const { id: adapter_id, digest } = await selectAdapter(db, 'limited')
  const { id } = await context.store.transaction(async (tx) => {
    const row = await insertEvaluation(tx, { adapter_id, digest, dataset_id: inputs.test.id })
    await context.queue.enqueueShortWork(tx, 'evaluation', row.id)
    return row
  })
  expect(await workWithin(context, 1)).toMatchObject({ worked: true, evaluation_id: id, status: 'queued' })
  const row = await waitUntil(
    async () => {
      await workWithin(context, 1)
      return selectShortWork(db, 'evaluation', id)
    },
    ({ status }) => status === 'failed',
  )
  expect(row.error).toMatchObject({ code: 'evaluation_failed', problem: TOO_LONG })
  expect(takeLogged()).toHaveLength(3)
})

test('with nothing to do, a worker that runs once collects garbage, at most every half hour', async () => {
  const { context, home } = setup
  const marker = join(home, 'garbage-collected')
  expect(await workOnce(context)).toEqual({ worked: false, waiting: 0 })
  const { mtimeMs } = statSync(marker)
  await workOnce(context)
  expect(statSync(marker).mtimeMs).toBe(mtimeMs)
})
