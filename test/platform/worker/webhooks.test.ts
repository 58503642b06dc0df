import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { selectAdapter, selectAdapterPage } from '../../../platform/store/adapters.ts'
import { insertComparison } from '../../../platform/store/comparisons.ts'
import { insertEvaluation } from '../../../platform/store/evaluations.ts'
import { selectTrainingById } from '../../../platform/store/trainings.ts'
import { deleteWebhook, expireDeliveries } from '../../../platform/store/webhooks.ts'
import { cancelTraining } from '../../../platform/use-cases/trainings.ts'
import { createWebhook, listDeliveries } from '../../../platform/use-cases/webhooks.ts'
import { enqueueMissing } from '../../../platform/worker/reconcile.ts'
import { startWorker, type Worker, workOnce } from '../../../platform/worker/worker.ts'
import { embeddedPlace, type Place } from '../../contract/store/embedded.ts'
import { openReceiver } from './receiver.ts'
import { waitUntil } from './wait-until.ts'
import {
  type Inputs,
  launchTraining,
  openWorkerContext,
  setUpWorker,
  storeDataset,
  type WorkerContext,
} from './worker-context.ts'

const CALLER = { owner: '', scopes: ['admin' as const] }

describe('webhooks', () => {
  let place: Place
  let home: string
  let context: WorkerContext
  let inputs: Inputs
  const logged: unknown[] = []
  const workers: Worker[] = []
  const registered: string[] = []

  beforeAll(async () => {
    ;({ place, home, context, inputs } = await setUpWorker(embeddedPlace, logged))
    context = { ...context, allowPrivateWebhooks: true }
  })
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close()))
    for (const id of registered.splice(0)) await deleteWebhook(context.store.db, id)
    logged.length = 0
  })
  afterAll(async () => {
    await context?.close()
    await place?.remove()
    await rm(home, { recursive: true, force: true })
  })

  async function register(events?: Parameters<typeof createWebhook>[1]['events']) {
    const receiver = await openReceiver()
    const { id, secret } = await createWebhook(context, { url: receiver.url, events }, CALLER)
    registered.push(id)
    receiver.trust(secret)
    return { ...receiver, id, secret }
  }
  const deliveriesOf = async (id: string) => (await listDeliveries(context, id)).data
  const waitForDeliveries = (id: string, count: number) =>
    waitUntil(
      () => deliveriesOf(id),
      (all) => all.length === count && all.every(({ status }) => status !== 'pending'),
    )
  const addWorker = async () => {
    workers.push(await startWorker(context))
  }

  test('the ends of a training, an evaluation and a comparison are sent once each, signed', async () => {
    const { id, received, failures } = await register()
    const training = await launchTraining(context, inputs, { steps: 4 }, { name: 'film' })
    const other = await launchTraining(context, inputs, { steps: 4, seed: 2 })
    await addWorker()
    await waitForDeliveries(id, 2)
    const { db } = context.store
    const adapter = (await selectTrainingById(db, training.id)).adapter_id as string
    const second = (await selectTrainingById(db, other.id)).adapter_id as string
    const [evaluation, comparison] = await context.store.transaction(async (tx) => {
      const { digest, name } = await selectAdapter(tx, adapter)
      const compared = await selectAdapter(tx, second)
      const dataset_id = inputs.test.id
      const evaluated = await insertEvaluation(tx, { adapter_id: adapter, digest, dataset_id })
      const adapters = [
        { id: adapter, name, digest },
        { id: second, name: compared.name, digest: compared.digest },
      ]
      const row = await insertComparison(tx, { adapters, dataset_id })
      await context.queue.enqueueShortWork(tx, 'evaluation', evaluated.id)
      await context.queue.enqueueShortWork(tx, 'comparison', row.id)
      return [evaluated, row]
    })
    await waitForDeliveries(id, 4)

    expect(failures).toEqual([])
    const byType = (type: string) =>
      received.filter(({ message }) => message.type === type).map(({ message }) => message)
    expect(received).toHaveLength(4)
    expect(new Set(received.map((one) => one.id)).size).toBe(4)
    expect(byType('training.succeeded')).toHaveLength(2)
    expect(byType('training.succeeded').find(({ data }) => data.id === training.id)).toEqual({
      type: 'training.succeeded',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      data: { id: training.id, name: 'film', status: 'succeeded', dataset: inputs.dataset.id, adapter },
    })
    const dataset = inputs.test.id
    expect(byType('evaluation.succeeded')).toMatchObject([{ data: { id: evaluation.id, dataset, adapter } }])
    expect(byType('comparison.succeeded')).toMatchObject([
      {
        data: { id: comparison.id, dataset, adapters: [{ id: adapter }, { id: second }], verdict: expect.any(String) },
      },
    ])
  })

  test('the failure of a training and of an evaluation is sent with the code of the error, and without its detail', async () => {
    const { id, received } = await register(['training.failed', 'evaluation.failed'])
    const path = join(home, 'strange.jsonl')
    await writeFile(path, '{"text": "fine", "label": "lukewarm"}\n')
    const strange = await storeDataset(context.store.db, context.artifacts, 'strange', path)
    const training = await launchTraining(context, { ...inputs, dataset: strange })
    await workOnce(context)
    const { data } = await selectAdapterPage(context.store.db)
    const evaluation = await context.store.transaction(async (tx) => {
      const [{ id: adapter_id, digest }] = data
      const row = await insertEvaluation(tx, { adapter_id, digest, dataset_id: strange.id })
      await context.queue.enqueueShortWork(tx, 'evaluation', row.id)
      return row
    })
    await workOnce(context)
    await waitForDeliveries(id, 2)
    expect(received.map(({ message }) => [message.type, message.data])).toEqual([
      [
        'training.failed',
        expect.objectContaining({ id: training.id, error: { code: expect.any(String), title: expect.any(String) } }),
      ],
      [
        'evaluation.failed',
        expect.objectContaining({
          id: evaluation.id,
          error: { code: 'data_label', title: expect.any(String) },
        }),
      ],
    ])
    expect(JSON.stringify(received)).not.toContain('lukewarm')
  })

  test('a receiver that fails gets the message again with the same id, also from another process', async () => {
    const receiver = await register(['training.cancelled'])
    receiver.answer(500, 302)
    const { id } = await launchTraining(context, inputs)
    await cancelTraining({ ...context } as never, id)
    expect((await workOnce(context)).worked).toBe(false)
    expect(await deliveriesOf(receiver.id)).toMatchObject([{ status: 'pending', attempts: 1, failure: 'answered 500' }])

    // As after a restart: another process opens the same database.
    const next = await openWorkerContext({ databaseUrl: place.options.databaseUrl, home }, (error) =>
      logged.push(error),
    )
    workers.push(await startWorker({ ...next, allowPrivateWebhooks: true }))
    const [delivery] = await waitForDeliveries(receiver.id, 1)
    await Promise.all(workers.splice(0).map((worker) => worker.close()))
    await next.close()

    expect(delivery).toMatchObject({ event: 'training.cancelled', status: 'delivered', attempts: 3 })
    expect(delivery).not.toHaveProperty('failure')
    expect(receiver.received.map((one) => one.id)).toEqual([delivery.id, delivery.id, delivery.id])
    expect(receiver.received[2].message.data).toMatchObject({ id, status: 'cancelled' })
    expect(receiver.failures).toEqual([])
  })

  test('a webhook gets only the events that it requested, and none after it was removed', async () => {
    const receiver = await register(['training.failed'])
    const removed = await register(['training.cancelled'])
    const { id } = await launchTraining(context, inputs)
    await cancelTraining({ ...context } as never, id)
    await deleteWebhook(context.store.db, registered.pop() as string)
    await workOnce(context)
    expect([receiver.received, removed.received]).toEqual([[], []])
    await expect(deliveriesOf(removed.id)).rejects.toMatchObject({ code: 'webhook_unknown' })
  })

  test('a receiver that answers 410 gets no further attempt', async () => {
    const receiver = await register(['training.cancelled'])
    receiver.answer(410)
    await cancelTraining({ ...context } as never, (await launchTraining(context, inputs)).id)
    await workOnce(context)
    expect(await deliveriesOf(receiver.id)).toMatchObject([{ status: 'failed', attempts: 1, failure: 'answered 410' }])
  })

  test('a worker without the flag connects to no address that is not public, whatever was registered', async () => {
    const receiver = await register(['training.cancelled'])
    await cancelTraining({ ...context } as never, (await launchTraining(context, inputs)).id)
    await workOnce({ ...context, allowPrivateWebhooks: false })
    expect(receiver.received).toEqual([])
    const [{ status, failure }] = await deliveriesOf(receiver.id)
    expect([status, failure]).toEqual(['pending', expect.stringContaining('expected an address with https://')])
    await expect(createWebhook({ store: context.store }, { url: receiver.url }, CALLER)).rejects.toMatchObject({
      code: 'body_invalid',
    })
  })

  test('a delivery without a job gets one, and one that is pending for days fails', async () => {
    const receiver = await register(['training.cancelled'])
    const lost = { ...context.queue, enqueueDelivery: async () => {} }
    await cancelTraining({ ...context, queue: lost } as never, (await launchTraining(context, inputs)).id)
    await workOnce({ ...context, queue: { ...context.queue, ensure: async () => {} } })
    expect(receiver.received).toEqual([])
    await enqueueMissing(context)
    receiver.answer(500)
    await workOnce(context)
    expect(receiver.received).toHaveLength(1)

    const future = new Date(Date.now() + 60_000)
    await expireDeliveries(context.store.db, { pendingSince: future, endedBefore: new Date(0) })
    expect(await deliveriesOf(receiver.id)).toMatchObject([{ status: 'failed', failure: 'answered 500' }])
    await expireDeliveries(context.store.db, { pendingSince: future, endedBefore: future })
    expect(await deliveriesOf(receiver.id)).toEqual([])
  })
})
