// A process of bench/kill-matrix.ts that may be killed at any moment: it launches what its parent asks for, or works, or both.

import { openBackend } from '../platform/open-workplace.ts'
import { once } from '../platform/store/idempotency.ts'
import type { StoredSpec } from '../platform/store/schema/trainings.ts'
import { createTraining, listTrainings } from '../platform/store/trainings.ts'
import { startWorker } from '../platform/worker/worker.ts'

export interface Launch {
  /** Names the request: asked again after a kill, it is answered again and not done again. */
  key: string
  base_id: string
  dataset_id: string
  test_dataset_id: string
  spec: StoredSpec
}

/** What the parent asks, and what it is answered. */
export type Asked = { launch: Launch } | { unfinished: true }
export type Answered = { ready: true } | { launched: string; id: string } | { unfinished: number }

const [databaseUrl, home, works] = process.argv.slice(2)
const workplace = await openBackend({ databaseUrl, home })
const { store, queue } = workplace
const answer = (message: Answered) => process.send?.(message, undefined, undefined, () => {})

process.on(
  'message',
  (asked: Asked) => void act(asked).catch((error) => console.error('asked in vain:', error.message)),
)
process.on('disconnect', () => process.exit())
if (works === 'true')
  await startWorker({
    ...workplace,
    sliceSeconds: 3,
    logger: { error: (error, context) => process.env.VERBOSE && console.error(context, error) },
  })
answer({ ready: true })

async function act(asked: Asked): Promise<void> {
  if ('unfinished' in asked) {
    const { data } = await listTrainings(store.db, { status: ['queued', 'running', 'paused'], limit: 100 })
    return void answer({ unfinished: data.length })
  }
  const { key, ...training } = asked.launch
  const { answer: id } = await once(
    store.db,
    { owner: '', operation: 'launch', key, request: asked.launch },
    async (tx) => {
      const row = await createTraining(tx, training)
      await queue.queueTraining(tx, row.id)
      return row.id
    },
  )
  answer({ launched: key, id })
}
