// A process of bench/kill-matrix.ts that may be killed at any moment. It launches the trainings that its parent
// requests, runs a worker, or both.

import { openBackend } from '../platform/open-backend.ts'
import { idempotent } from '../platform/store/idempotency.ts'
import type { StoredSpec } from '../platform/store/schema/trainings.ts'
import { insertTraining, selectTrainingPage } from '../platform/store/trainings.ts'
import { startWorker } from '../platform/worker/worker.ts'

export interface Launch {
  /** The idempotency key of the request. If the request is repeated after a kill, no second training is launched. */
  key: string
  base_id: string
  dataset_id: string
  test_dataset_id: string
  spec: StoredSpec
}

/** A message from the parent. */
export type ProcessRequest = { launch: Launch } | { unfinished: true }
/** A message to the parent. */
export type ProcessReply = { ready: true } | { launched: string; id: string } | { unfinished: number }

const [databaseUrl, home, isWorker] = process.argv.slice(2)
const backend = await openBackend({ databaseUrl, home })
const { store, queue } = backend
const reply = (message: ProcessReply) => process.send?.(message, undefined, undefined, () => {})

process.on(
  'message',
  (request: ProcessRequest) =>
    void handleRequest(request).catch((error) => console.error('request failed:', error.message)),
)
process.on('disconnect', () => process.exit())
if (isWorker === 'true')
  await startWorker({
    ...backend,
    sliceSeconds: 3,
    logger: { error: (error, context) => process.env.VERBOSE && console.error(context, error) },
  })
reply({ ready: true })

async function handleRequest(request: ProcessRequest): Promise<void> {
  if ('unfinished' in request) {
    const { data } = await selectTrainingPage(store.db, { status: ['queued', 'running', 'paused'], limit: 100 })
    return void reply({ unfinished: data.length })
  }
  const { key, ...training } = request.launch
  const work = { owner: '', operation: 'launch', key, request: request.launch }
  const id = await idempotent(store.db, work, async (tx) => {
    const row = await insertTraining(tx, training)
    await queue.enqueueTraining(tx, row.id)
    return row.id
  })
  reply({ launched: key, id })
}
