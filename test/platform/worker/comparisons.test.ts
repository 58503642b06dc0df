import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compareCheckpoints } from '../../../platform/offline/compare.ts'
import type { Platform } from '../../../platform/platform.ts'
import { comparison } from '../../../platform/schemas/comparisons.ts'
import { deleteAdapter, getAdapter } from '../../../platform/store/adapters.ts'
import { sqlTemplate } from '../../../platform/store/sql-template.ts'
import { createComparison, getComparison, listComparisons } from '../../../platform/use-cases/comparisons.ts'
import { enqueueMissing } from '../../../platform/worker/reconcile.ts'
import { startWorker, workOnce } from '../../../platform/worker/worker.ts'
import { describePostgres, embeddedPlace, type Place, postgresPlace } from '../../contract/store/stores.ts'
import { reviews, tinyBase, tinySpec, writeReviews } from '../../training/tiny.ts'
import { childrenOf, until } from './watching.ts'
import { type Desk, type Inputs, launch, openDesk, storeDataset, storeInputs } from './worker-context.ts'

const caller = { owner: '', scopes: [] }

function declare(make: () => Promise<Place>): void {
  let place: Place
  let home: string
  let desk: Desk
  /** Comparisons need no engine. */
  let platform: Platform
  let inputs: Inputs
  const reported: unknown[] = []

  beforeAll(async () => {
    place = await make()
    home = place.options.databaseUrl ? await mkdtemp(join(tmpdir(), 'graft-jobs-')) : place.options.home
    desk = await openDesk({ databaseUrl: place.options.databaseUrl, home }, (error) => reported.push(error))
    platform = desk as unknown as Platform
    const { data, test } = tinySpec()
    inputs = await storeInputs(desk, { base: tinyBase(), data, test: test as string })
    for (const [name, steps] of [
      ['short', 1],
      ['long', 30],
    ] as const) {
      await launch(desk, inputs, { steps, learning_rate: 0.01 }, { name })
      await workOnce(desk)
    }
  })
  afterAll(async () => {
    await desk?.close()
    await place?.remove()
    await rm(home, { recursive: true, force: true })
  })

  const folderOf = async (name: string) => desk.cache.folder((await getAdapter(desk.store.db, name)).artifact)

  test('adapters are compared on a data set as the command line compares them', async () => {
    const asked = { adapters: ['short', 'long'], dataset: 'test' }
    const queued = await createComparison(platform, asked, caller, 'first')
    expect(queued).toMatchObject({ status: 'queued', adapters: [{ name: 'short' }, { name: 'long' }] })
    expect(await createComparison(platform, asked, caller, 'first')).toEqual(queued)
    await expect(
      createComparison(platform, { ...asked, adapters: ['long', 'short'] }, caller, 'first'),
    ).rejects.toMatchObject({ code: 'idempotency_conflict' })
    expect(await desk.queue.waiting()).toEqual({ trainings: 0, evaluations: 0, comparisons: 1 })
    expect(await workOnce(desk)).toBe(true)
    expect(await workOnce(desk)).toBe(false)

    const found = comparison.parse(await getComparison(platform, queued.id))
    const adapters = []
    for (const name of asked.adapters) adapters.push({ name, base: tinyBase(), checkpoint: await folderOf(name) })
    const data = await desk.cache.file(inputs.test.digest)
    const same = await compareCheckpoints({ adapters, data, threads: 1 }, () => {})
    expect(found.status).toBe('succeeded')
    expect(found.result).toEqual(JSON.parse(JSON.stringify(same)))
    expect(found.result).toMatchObject({
      n: 60,
      pairs: [{ better: 'long' }],
      verdict: expect.stringContaining('long is better'),
    })
    const { result, ...summary } = found
    expect((await listComparisons(platform)).data).toEqual([{ ...summary, verdict: result?.verdict }])
  })

  test('what cannot be compared is refused before it is queued', async () => {
    const { id } = await getAdapter(desk.store.db, 'short')
    for (const [adapters, dataset, error] of [
      [['short', id], 'test', { code: 'body_invalid', message: expect.stringContaining('adapters[1]') }],
      [['short', 'nobody'], 'test', { code: 'adapter_unknown' }],
      [['short', 'long'], 'nothing', { code: 'dataset_unknown' }],
    ] as const)
      await expect(createComparison(platform, { adapters: [...adapters], dataset }, caller)).rejects.toMatchObject(
        error,
      )
    await expect(getComparison(platform, id)).rejects.toMatchObject({ code: 'comparison_unknown' })
    expect(await desk.queue.waiting()).toMatchObject({ comparisons: 0 })
  })

  test('one whose process is killed is done by another', async () => {
    reported.length = 0
    await storeDataset(desk.store.db, desk.artifacts, 'many', writeReviews(reviews(500, 5)))
    const { id } = await createComparison(platform, { adapters: ['short', 'long'], dataset: 'many' }, caller)
    const worker = await startWorker(desk)
    try {
      const [pid] = await until(
        async () => childrenOf('short-work-child'),
        ({ length }) => length > 0,
      )
      process.kill(pid, 'SIGKILL')
      const ended = (id: string) =>
        until(
          () => getComparison(platform, id),
          ({ status }) => status === 'succeeded' || status === 'failed',
        )
      expect(await ended(id)).toMatchObject({ status: 'succeeded', result: { n: 500 } })
      expect(reported).toMatchObject([{ code: 'comparison_failed' }])
    } finally {
      await worker.close()
    }
  })

  test('one that has lost its job gets another', async () => {
    const { id } = await createComparison(platform, { adapters: ['long', 'short'], dataset: 'test' }, caller)
    await desk.store.db.execute(sqlTemplate`delete from graft_jobs.job where name = 'comparisons'`)
    expect(await desk.queue.take('comparison')).toBeUndefined()
    await enqueueMissing(desk)
    expect(await workOnce(desk)).toBe(true)
    expect(await getComparison(platform, id)).toMatchObject({ status: 'succeeded' })
  })

  test('one whose adapter was deleted meanwhile fails with that cause, and tells of whom it was asked', async () => {
    const { id } = await createComparison(platform, { adapters: ['long', 'short'], dataset: 'test' }, caller)
    await deleteAdapter(desk.store.db, 'short')
    expect(await workOnce(desk)).toBe(true)
    expect(await getComparison(platform, id)).toMatchObject({
      status: 'failed',
      adapters: [{ name: 'long' }, { name: 'short' }],
      error: { code: 'adapter_unknown' },
    })
  })
}

describe('on the embedded database', () => declare(embeddedPlace))
describePostgres(() => declare(postgresPlace))
