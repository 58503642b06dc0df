import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { uuidv7 } from '../../../core/uuid.ts'
import { deleteAdapter, getAdapter, listAdapters } from '../../../platform/store/adapters.ts'
import { referencedArtifacts } from '../../../platform/store/artifact-references.ts'
import { ensureBase, getBase, listBases } from '../../../platform/store/bases.ts'
import { createComparison, listComparisons } from '../../../platform/store/comparisons.ts'
import { getDataset, listDatasets } from '../../../platform/store/datasets.ts'
import { createEvaluation, listEvaluations } from '../../../platform/store/evaluations.ts'
import { getShortWork, settleShortWork } from '../../../platform/store/short-work.ts'
import { claimTraining, recordProgress, transitionTraining } from '../../../platform/store/training-transitions.ts'
import { getTraining } from '../../../platform/store/trainings.ts'
import { compare } from '../../../training/comparison/compare.ts'
import { metrics } from '../../../training/metrics.ts'
import { digest, makeAdapter, makeBase, makeDataset, makeTraining } from './rows.ts'
import { onBothStores } from './stores.ts'

onBothStores((store) => {
  test('a base is made once, however many processes say that they have it', async () => {
    const { db } = store()
    const made = await Promise.all([makeBase(db), makeBase(db), makeBase(db)])
    expect(new Set(made.map(({ id }) => id)).size).toBe(1)
    expect(await getBase(db, made[0].id)).toEqual(await getBase(db, 't5-small'))
    expect((await listBases(db)).data).toHaveLength(1)
    await expect(ensureBase(db, { ...made[0], fingerprint: digest('other') })).rejects.toMatchObject({
      code: 'base_mismatch',
    })
    await expect(getBase(db, 't5-large')).rejects.toMatchObject({ code: 'base_unknown' })
  })

  test('a data set is found by id and by name with all that was stored, and its name is its own', async () => {
    const { db } = store()
    const made = await makeDataset(db, { name: 'imdb' })
    expect(made).toMatchObject({ bytes: 5_000_000_000, labels: { negative: 990, positive: 1_010 } })
    expect(made.created_at).toBeInstanceOf(Date)
    expect(await getDataset(db, 'imdb')).toEqual(made)
    expect(await getDataset(db, made.id.toUpperCase())).toEqual(made)
    await expect(makeDataset(db, { name: 'imdb' })).rejects.toMatchObject({ code: 'name_taken' })
    await expect(getDataset(db, uuidv7())).rejects.toMatchObject({ code: 'dataset_unknown' })
    await expect(makeDataset(db, { name: uuidv7() })).rejects.toThrow()
  })

  test('texts that PostgreSQL cannot hold are stored with a sign in the place of what it cannot', async () => {
    const made = await makeDataset(store().db, { labels: { 'a\0b': 1, '\ud800': 2, '\\ud800 é\n': 3, '😀': 4 } })
    expect(made.labels).toEqual({ 'a\ufffdb': 1, '\ufffd': 2, '\\ud800 é\n': 3, '😀': 4 })
  })

  test('a list is read page by page, newest first, and what is added meanwhile disturbs nothing', async () => {
    const { db } = store()
    const names = Array.from({ length: 7 }, (_, i) => `page-${i}`)
    for (const name of names) await makeDataset(db, { name })
    const first = await listDatasets(db, { limit: 3 })
    await makeDataset(db, { name: 'page-late' })
    const second = await listDatasets(db, { limit: 3, cursor: first.next_cursor })
    const third = await listDatasets(db, { limit: 100, cursor: second.next_cursor })
    const read = [first, second, third].flatMap(({ data }) => data.map(({ name }) => name))
    expect(read.filter((name) => name.startsWith('page-'))).toEqual(names.toReversed())
    expect(third).not.toHaveProperty('next_cursor')
    const all = await listDatasets(db, { limit: read.length + 1 })
    expect(all.data).toHaveLength(read.length + 1)
    expect(all).not.toHaveProperty('next_cursor')
    await expect(listDatasets(db, { cursor: 'x' })).rejects.toMatchObject({ code: 'body_invalid' })
    await expect(listDatasets(db, { limit: 101 })).rejects.toMatchObject({ code: 'body_invalid' })
  })

  test('an adapter tells its base and the training that made it', async () => {
    const { db } = store()
    const training = await makeTraining(db, { name: 'made' })
    await expect(makeAdapter(db, { name: 'made' })).rejects.toMatchObject({ code: 'name_taken' })
    const claimed = await claimTraining(db, training.id, 'w')
    const adapter = await makeAdapter(db, { name: 'made' }, training.id)
    await transitionTraining(db, training.id, 'succeeded', {
      fencing_token: claimed?.fencing_token,
      report: { adapter_id: adapter.id },
    })
    const stored = await getAdapter(db, 'made')
    expect(stored).toMatchObject({ base: 't5-small', training_id: training.id, digest: digest('weights') })
    expect(await getAdapter(db, adapter.id)).toEqual(stored)
    expect((await listAdapters(db)).data[0]).toEqual(stored)
    expect((await listAdapters(db, { base_id: uuidv7() })).data).toEqual([])
    await expect(makeTraining(db, { name: 'made' })).rejects.toMatchObject({ code: 'name_taken' })
  })

  test('of an adapter and a training that want one name at once, one gets it', async () => {
    const { db } = store()
    const base_id = (await makeBase(db)).id
    const dataset_id = (await makeDataset(db)).id
    const tried = await Promise.allSettled([
      makeAdapter(db, { name: 'wanted', base_id }),
      makeTraining(db, { name: 'wanted', base_id, dataset_id }),
      makeTraining(db, { name: 'wanted', base_id, dataset_id }),
    ])
    const refused = tried.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []))
    expect(refused).toEqual(['name_taken', 'name_taken'])
  })

  test('an adapter from which a training goes on stays until that has ended', async () => {
    const { db } = store()
    const adapter = await makeAdapter(db)
    const training = await makeTraining(db, { from_adapter_id: adapter.id })
    await expect(deleteAdapter(db, adapter.name)).rejects.toMatchObject({ code: 'in_use' })
    await transitionTraining(db, training.id, 'cancelled')
    expect(await deleteAdapter(db, adapter.name)).toEqual(adapter)
    expect(await getTraining(db, training.id)).toMatchObject({ from_adapter_id: null })
    await expect(getAdapter(db, adapter.name)).rejects.toMatchObject({ code: 'adapter_unknown' })
    await expect(deleteAdapter(db, adapter.id)).rejects.toMatchObject({ code: 'adapter_unknown' })
  })

  test('the first outcome of an evaluation stays', async () => {
    const { db } = store()
    const adapter = await makeAdapter(db)
    const { id: dataset_id } = await makeDataset(db)
    const { id } = await createEvaluation(db, { adapter_id: adapter.id, digest: adapter.digest, dataset_id })
    expect(await settleShortWork(db, 'evaluation', id, { status: 'running' })).toMatchObject({ finished_at: null })
    const measured = metrics([{ label: 0, probabilities: [0.9, 0.1], tokens: 12, truncated: false }], ['bad', 'good'])
    const settled = await settleShortWork(db, 'evaluation', id, { status: 'succeeded', metrics: measured })
    expect(settled).toMatchObject({ status: 'succeeded', metrics: measured })
    expect(await settleShortWork(db, 'evaluation', id, { status: 'cancelled' })).toEqual(settled)
    expect(await getShortWork(db, 'evaluation', id)).toEqual(settled)
    expect((await listEvaluations(db, { adapter_id: adapter.id })).data).toEqual([settled])
    await deleteAdapter(db, adapter.id)
    await expect(getShortWork(db, 'evaluation', id)).rejects.toMatchObject({ code: 'evaluation_unknown' })
  })

  test('a comparison outlives its adapters', async () => {
    const { db } = store()
    const adapters = [await makeAdapter(db), await makeAdapter(db)].map(({ id, name, digest }) => ({
      id,
      name,
      digest,
    }))
    const { id: dataset_id } = await makeDataset(db)
    const { id } = await createComparison(db, { adapters, dataset_id })
    const answers = [{ label: 0, probabilities: [0.9, 0.1], tokens: 12, truncated: false }]
    const compared = compare(
      [{ id: '1', text: 'dull', label: 'bad', tokens: 12 }],
      adapters.map(({ name }) => ({ name, labels: ['bad', 'good'], answers })),
    )
    await settleShortWork(db, 'comparison', id, { status: 'succeeded', result: compared })
    for (const adapter of adapters) await deleteAdapter(db, adapter.id)
    const stored = await getShortWork(db, 'comparison', id)
    expect(stored).toMatchObject({ adapters, result: compared, status: 'succeeded' })
    expect((await listComparisons(db)).data).toEqual([stored])
    await expect(createComparison(db, { adapters: [adapters[0]], dataset_id })).rejects.toThrow()
    await expect(getShortWork(db, 'comparison', 'x')).rejects.toMatchObject({ code: 'comparison_unknown' })
  })

  test('the artifacts of everything that is there are referred to, and the state of a training until it ends', async () => {
    const { db } = store()
    const adapter = await makeAdapter(db, { artifact: digest('kept folder') })
    await makeDataset(db, { digest: digest('kept data') })
    const { id } = await makeTraining(db)
    const claimed = await claimTraining(db, id, 'w')
    await recordProgress(db, id, claimed?.fencing_token ?? 0, { state: digest('kept state') })
    const kept = ['kept folder', 'kept data', 'kept state'].map(digest)
    expect([...(await referencedArtifacts(db))]).toEqual(expect.arrayContaining(kept))
    await transitionTraining(db, id, 'cancelled')
    await deleteAdapter(db, adapter.id)
    const left = await referencedArtifacts(db)
    expect(kept.map((one) => left.has(one))).toEqual([false, true, false])
  })

  test('a transaction that fails leaves nothing, and one within it takes back its own part alone', async () => {
    const { db, transaction } = store()
    const failing = transaction(async (tx) => {
      await makeDataset(tx, { name: 'taken back' })
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    await expect(getDataset(db, 'taken back')).rejects.toMatchObject({ code: 'dataset_unknown' })
    await transaction(async (tx) => {
      await makeDataset(tx, { name: 'outer' })
      await expect(makeDataset(tx, { name: 'outer' })).rejects.toMatchObject({ code: 'name_taken' })
      await expect(
        tx.transaction(async (inner) => {
          await makeDataset(inner, { name: 'inner' })
          throw new Error('no')
        }),
      ).rejects.toThrow('no')
    })
    expect(await getDataset(db, 'outer')).toMatchObject({ name: 'outer' })
    await expect(getDataset(db, 'inner')).rejects.toMatchObject({ code: 'dataset_unknown' })
  })

  test('a transaction that waits for something does not keep others from theirs for ever', async () => {
    const { db, transaction } = store()
    const slow = transaction(async (tx) => {
      await makeDataset(tx, { name: 'slow' })
      await wait(200)
    })
    await Promise.all([slow, makeDataset(db, { name: 'quick' })])
    expect(await getDataset(db, 'slow')).toMatchObject({ name: 'slow' })
  })
})
