import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { toPlain } from '../../../core/to-plain.ts'
import { uuidv7 } from '../../../core/uuid.ts'
import { type TrainingStatus, trainingStatuses } from '../../../platform/schemas/statuses.ts'
import type { Database } from '../../../platform/store/database.ts'
import { selectEvents } from '../../../platform/store/training-events.ts'
import {
  claimTraining,
  endPause,
  recordProgress,
  requestPause,
  transitionTraining,
} from '../../../platform/store/training-transitions.ts'
import {
  selectQueuedIds,
  selectStalled,
  selectTrainingById,
  selectTrainingPage,
} from '../../../platform/store/trainings.ts'
import { digest, makeTraining } from './rows.ts'
import { onEveryStore } from './stores.ts'

const step = (n: number) => ({
  key: `step:${n}`,
  event: { type: 'step', step: n, steps: 100, loss: 1 / n, reviews_per_second: 4.1, seconds_left: 100 - n } as const,
})

const attemptError = toPlain(new Error('its worker stopped'))

async function makeClaimed(db: Database): Promise<{ id: string; fencing_token: number }> {
  const { id } = await makeTraining(db)
  const { fencing_token } = (await claimTraining(db, id, 'worker 1')) ?? { fencing_token: -1 }
  return { id, fencing_token }
}

const eventsOf = async (db: Database, id: string) =>
  (await selectEvents(db, id)).map(({ event }) =>
    event.type === 'status' ? event.status : event.type === 'step' ? event.step : event.type,
  )

onEveryStore((store) => {
  test('a training runs slice by slice until it succeeds, and its events record that', async () => {
    const { db } = store()
    const { id } = await makeTraining(db, { name: 'whole' })
    for (const slice of [1, 2]) {
      const { fencing_token, slices } = (await claimTraining(db, id, `worker ${slice}`)) ?? {}
      expect([fencing_token, slices]).toEqual([slice, slice])
      const progress = { step: slice, total_steps: 2, reviews_per_second: 4, seconds_left: 1, loss: 0.5 }
      await recordProgress(db, id, slice, { progress, state: digest(`state ${slice}`) }, [step(slice)])
      await transitionTraining(db, id, slice === 1 ? 'queued' : 'succeeded', { fencing_token })
    }
    expect(await eventsOf(db, id)).toEqual(['queued', 'running', 1, 'queued', 'running', 2, 'succeeded'])
    const ended = await selectTrainingById(db, id)
    expect(ended).toMatchObject({
      status: 'succeeded',
      worker: null,
      failed_attempts: 0,
      last_event: 7,
      progress: { step: 2 },
    })
    expect(ended.finished_at?.getTime()).toBeGreaterThanOrEqual(ended.started_at?.getTime() ?? Infinity)
    expect(await claimTraining(db, id, 'late')).toBeUndefined()
  })

  test('of several workers that claim a training at the same time, one gets it', async () => {
    const { db } = store()
    const { id } = await makeTraining(db)
    const rows = await Promise.all(['a', 'b', 'c', 'd'].map((worker) => claimTraining(db, id, worker)))
    const taken = rows.filter((row) => row !== undefined)
    expect(taken).toMatchObject([
      { fencing_token: 1, slices: 1, failed_attempts: 0, worker: 'abcd'[rows.indexOf(taken[0])] },
    ])
    expect(await selectTrainingById(db, id)).toEqual(taken[0])
    expect(await eventsOf(db, id)).toEqual(['queued', 'running'])
  })

  test('a superseded worker can neither write to, finish nor give back a training', async () => {
    const { db } = store()
    const { id, fencing_token } = await makeClaimed(db)
    await transitionTraining(db, id, 'queued', { fencing_token, attemptError })
    const superseded = { code: 'training_superseded' }
    const expectSuperseded = async () => {
      await expect(recordProgress(db, id, fencing_token, { state: digest('late') })).rejects.toMatchObject(superseded)
      for (const to of ['succeeded', 'queued', 'paused', 'cancelled'] as const)
        await expect(transitionTraining(db, id, to, { fencing_token })).rejects.toMatchObject(superseded)
    }
    await expectSuperseded()
    const next = await claimTraining(db, id, 'worker 2')
    expect(next?.fencing_token).toBe(2)
    await expectSuperseded()
    expect(await selectTrainingById(db, id)).toMatchObject({ status: 'running', state: null, fencing_token: 2 })
    await transitionTraining(db, id, 'succeeded', { fencing_token: 2 })
    await expect(recordProgress(db, id, 2)).rejects.toMatchObject(superseded)
  })

  test('if a training succeeds and is cancelled at the same time, one of the two happens', async () => {
    const { db } = store()
    for (let round = 0; round < 5; round++) {
      const { id, fencing_token } = await makeClaimed(db)
      const [success, cancel] = await Promise.allSettled([
        transitionTraining(db, id, 'succeeded', { fencing_token }),
        transitionTraining(db, id, 'cancelled'),
      ])
      const { status } = await selectTrainingById(db, id)
      expect([success.status, cancel.status].toSorted()).toEqual(['fulfilled', 'rejected'])
      expect(status).toBe(success.status === 'fulfilled' ? 'succeeded' : 'cancelled')
      expect((await eventsOf(db, id)).slice(2)).toEqual([status])
    }
  })

  test('only the allowed transitions between statuses are possible', async () => {
    const { db } = store()
    const error = toPlain(new Error('no'))
    const makeWithStatus = {
      queued: async () => (await makeTraining(db)).id,
      running: async () => (await makeClaimed(db)).id,
      paused: async () => (await requestPause(db, (await makeTraining(db)).id)).id,
      succeeded: async () => (await transitionTraining(db, (await makeClaimed(db)).id, 'succeeded')).id,
      failed: async () => (await transitionTraining(db, (await makeClaimed(db)).id, 'failed', { error })).id,
      cancelled: async () => (await transitionTraining(db, (await makeClaimed(db)).id, 'cancelled')).id,
    }
    const allowed: string[] = []
    for (const from of trainingStatuses)
      for (const to of trainingStatuses) {
        if (to === 'running') continue
        const id = await makeWithStatus[from]()
        const moved = transitionTraining(db, id, to, to === 'failed' ? { error } : {})
        const outcome = await moved.then(
          () => allowed.push(`${from} ${to}`),
          ({ code }) => code,
        )
        if (typeof outcome === 'string') expect(outcome).toBe('training_status_conflict')
        expect((await selectTrainingById(db, id)).status).toBe(typeof outcome === 'string' ? from : to)
      }
    expect(allowed).toEqual([
      'queued paused',
      'queued failed',
      'queued cancelled',
      'running queued',
      'running paused',
      'running succeeded',
      'running failed',
      'running cancelled',
      'paused queued',
      'paused cancelled',
    ])
  })

  test('a failed training has the error that it failed with', async () => {
    const { db } = store()
    const { id, fencing_token } = await makeClaimed(db)
    const error = toPlain(new Error('out of memory'))
    await transitionTraining(db, id, 'failed', { fencing_token, error })
    expect((await selectTrainingById(db, id)).error).toEqual(error)
    expect((await selectEvents(db, id)).at(-1)?.event).toEqual({ type: 'status', status: 'failed', error })
    await expect(transitionTraining(db, (await makeClaimed(db)).id, 'failed')).rejects.toThrow()
  })

  test('a queued training pauses at once, and a running one when its worker gives it back', async () => {
    const { db } = store()
    const waiting = await makeTraining(db)
    expect(await requestPause(db, waiting.id)).toMatchObject({ status: 'paused' })
    expect(await claimTraining(db, waiting.id, 'w')).toBeUndefined()
    expect(await endPause(db, waiting.id)).toMatchObject({ queued: true, training: { status: 'queued' } })

    const { id, fencing_token } = await makeClaimed(db)
    expect(await recordProgress(db, id, fencing_token)).toBeNull()
    expect(await requestPause(db, id)).toMatchObject({ status: 'running', requested_action: 'pause' })
    expect(await recordProgress(db, id, fencing_token)).toBe('pause')
    expect(await endPause(db, id)).toMatchObject({
      queued: false,
      training: { status: 'running', requested_action: null },
    })
    await requestPause(db, id)
    expect(await transitionTraining(db, id, 'paused', { fencing_token })).toMatchObject({
      status: 'paused',
      requested_action: null,
    })
    expect(await requestPause(db, id)).toMatchObject({ status: 'paused' })
    await transitionTraining(db, id, 'cancelled')
    await expect(requestPause(db, id)).rejects.toMatchObject({ code: 'training_status_conflict' })
    await expect(endPause(db, id)).rejects.toMatchObject({ code: 'training_status_conflict' })
  })

  test('failed attempts are counted until a state is saved or a worker gives the training back', async () => {
    const { db } = store()
    const { id } = await makeTraining(db)
    const claim = async () => (await claimTraining(db, id, 'w'))?.fencing_token ?? -1
    expect(await transitionTraining(db, id, 'queued', { fencing_token: await claim(), attemptError })).toMatchObject({
      failed_attempts: 1,
    })
    const second = await claim()
    await recordProgress(db, id, second, { progress: null })
    expect(await transitionTraining(db, id, 'queued', { fencing_token: second, attemptError })).toMatchObject({
      failed_attempts: 2,
    })
    const third = await claim()
    await recordProgress(db, id, third, { state: digest('a state') })
    expect(await transitionTraining(db, id, 'queued', { fencing_token: third, attemptError })).toMatchObject({
      failed_attempts: 1,
    })
    expect(await transitionTraining(db, id, 'queued', { fencing_token: await claim() })).toMatchObject({
      failed_attempts: 0,
      slices: 4,
    })
    expect(
      (await selectEvents(db, id)).map(({ event }) => ('error' in event ? event.error : null)).filter(Boolean),
    ).toEqual([attemptError, attemptError, attemptError])
  })

  test('a requested pause takes effect even if the worker stops or finishes its slice before it receives the request', async () => {
    const { db } = store()
    for (const transition of [{ attemptError }, {}]) {
      const { id, fencing_token } = await makeClaimed(db)
      await requestPause(db, id)
      expect(await transitionTraining(db, id, 'queued', { fencing_token, ...transition })).toMatchObject({
        status: 'paused',
        requested_action: null,
      })
    }
  })

  test('trainings whose worker sends no heartbeat are found, and those that wait for a worker', async () => {
    const { db } = store()
    const { id } = await makeClaimed(db)
    const stalledIds = async (seconds: number) => (await selectStalled(db, seconds)).map((row) => row.id)
    expect(await stalledIds(30)).not.toContain(id)
    await sleep(20)
    expect(await stalledIds(0.01)).toContain(id)
    expect(await selectQueuedIds(db)).not.toContain(id)
    const { fencing_token } = await selectTrainingById(db, id)
    await transitionTraining(db, id, 'queued', { fencing_token, attemptError })
    expect(await stalledIds(0.01)).not.toContain(id)
    expect(await selectQueuedIds(db)).toContain(id)
  })

  test('events that are appended concurrently have numbers without gaps, and each is stored once', async () => {
    const { db } = store()
    const { id, fencing_token } = await makeClaimed(db)
    const other = await makeClaimed(db)
    const message = { event: { type: 'stage', message: 'reading' } } as const
    const writes = Array.from({ length: 12 }, (_, i) =>
      recordProgress(db, id, fencing_token, {}, [step(i + 1), message, step(i + 2)]),
    )
    const failing = Array.from({ length: 4 }, () =>
      store()
        .transaction(async (tx) => {
          await recordProgress(tx, id, fencing_token, {}, [message])
          throw new Error('rolled back')
        })
        .catch(() => {}),
    )
    await Promise.all([...writes, ...failing, recordProgress(db, other.id, other.fencing_token, {}, [step(1)])])
    const events = await selectEvents(db, id)
    expect(events.map(({ number }) => number)).toEqual(events.map((_, i) => i + 1))
    const steps = events.flatMap(({ event }) => (event.type === 'step' ? [event.step] : []))
    expect(steps.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 13 }, (_, i) => i + 1))
    expect(events).toHaveLength(2 + 13 + 12)
    expect((await selectTrainingById(db, id)).last_event).toBe(events.length)
    expect(await eventsOf(db, other.id)).toEqual(['queued', 'running', 1])
  })

  test('a client that has seen some events gets the others in order', async () => {
    const { db } = store()
    const { id, fencing_token } = await makeClaimed(db)
    await recordProgress(db, id, fencing_token, {}, [step(1), step(2), step(3)])
    expect((await selectEvents(db, id, 2, 2)).map(({ number }) => number)).toEqual([3, 4])
    expect((await selectEvents(db, id, 4)).map(({ event }) => event)).toEqual([step(3).event])
    expect(await selectEvents(db, id, 5)).toEqual([])
  })

  test('trainings are listed by status', async () => {
    const { db } = store()
    const one = await makeTraining(db)
    const two = await makeClaimed(db)
    const ids = async (...status: TrainingStatus[]) =>
      (await selectTrainingPage(db, { status, limit: 2 })).data.map(({ id }) => id)
    expect(await ids('queued', 'running')).toEqual([two.id, one.id])
    expect((await ids('running'))[0]).toBe(two.id)
    expect(await ids()).toEqual([])
    await expect(selectTrainingById(db, uuidv7())).rejects.toMatchObject({ code: 'training_unknown' })
    await expect(claimTraining(db, 'x', 'w')).rejects.toMatchObject({ code: 'training_unknown' })
  })
})
