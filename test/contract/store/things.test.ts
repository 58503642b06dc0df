import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { uuidv7 } from '../../../core/uuid.ts'
import { deleteAdapter, selectAdapter, selectAdapterPage } from '../../../platform/store/adapters.ts'
import { selectReferencedArtifacts } from '../../../platform/store/artifact-references.ts'
import { ensureBase, ensureEmbeddedBase, selectBase, selectBasePage } from '../../../platform/store/bases.ts'
import { insertComparison, selectComparisonPage } from '../../../platform/store/comparisons.ts'
import { selectDataset, selectDatasetPage } from '../../../platform/store/datasets.ts'
import { insertEvaluation, selectEvaluationPage } from '../../../platform/store/evaluations.ts'
import { selectShortWork, updateShortWork } from '../../../platform/store/short-work.ts'
import { claimTraining, recordProgress, transitionTraining } from '../../../platform/store/training-transitions.ts'
import { selectTrainingById } from '../../../platform/store/trainings.ts'
import { compare } from '../../../training/comparison/compare.ts'
import { computeMetrics } from '../../../training/metrics.ts'
import { digest, makeAdapter, makeBase, makeDataset, makeTraining } from './rows.ts'
import { onEveryStore } from './stores.ts'

onEveryStore((store) => {
  test('a base has one row, however many processes insert it', async () => {
    const { db } = store()
    const made = await Promise.all([makeBase(db), makeBase(db), makeBase(db)])
    expect(new Set(made.map(({ id }) => id)).size).toBe(1)
    expect(await selectBase(db, made[0].id)).toEqual(await selectBase(db, 't5-small'))
    expect((await selectBasePage(db)).data).toHaveLength(1)
    await expect(ensureBase(db, { ...made[0], fingerprint: digest('other') })).rejects.toMatchObject({
      code: 'base_mismatch',
    })
    await expect(selectBase(db, 't5-large')).rejects.toMatchObject({ code: 'base_unknown' })
  })

  test('the embedded base of an earlier version keeps its adapters under another name', async () => {
    const { db } = store()
    const { config, parameters, bytes } = await makeBase(db)
    const [first, second] = ['1', '2'].map((text) => ({ config, parameters, bytes, fingerprint: digest(text) }))
    const earlier = await ensureEmbeddedBase(db, first)
    const adapter = await makeAdapter(db, { base_id: earlier.id })
    const now = await Promise.all([1, 2, 3].map(() => ensureEmbeddedBase(db, second)))
    expect(new Set(now.map(({ id }) => id)).size).toBe(1)
    expect(now[0]).toMatchObject({ name: 'embedded', fingerprint: second.fingerprint, artifact: null })
    expect((await selectAdapter(db, adapter.id)).base).toBe(`embedded-${first.fingerprint.slice(0, 8)}`)
    // The earlier version finds its base again, and takes the name from nobody.
    expect((await ensureEmbeddedBase(db, first)).id).toBe(earlier.id)
    expect((await selectBase(db, 'embedded')).id).toBe(now[0].id)
  })

  test('a data set is found by its id and by its name, which is unique', async () => {
    const { db } = store()
    const made = await makeDataset(db, { name: 'imdb' })
    expect(made).toMatchObject({ bytes: 5_000_000_000, labels: { negative: 990, positive: 1_010 } })
    expect(made.created_at).toBeInstanceOf(Date)
    expect(await selectDataset(db, 'imdb')).toEqual(made)
    expect(await selectDataset(db, made.id.toUpperCase())).toEqual(made)
    const other = { name: 'imdb', digest: digest('others') }
    await expect(makeDataset(db, other)).rejects.toMatchObject({ code: 'name_taken' })
    expect(await makeDataset(db, { name: 'imdb' })).toEqual(made)
    await expect(selectDataset(db, uuidv7())).rejects.toMatchObject({ code: 'dataset_unknown' })
    await expect(makeDataset(db, { name: uuidv7() })).rejects.toThrow()
  })

  test('characters that PostgreSQL cannot store are replaced by U+FFFD', async () => {
    const made = await makeDataset(store().db, { labels: { 'a\0b': 1, '\ud800': 2, '\\ud800 é\n': 3, '😀': 4 } })
    expect(made.labels).toEqual({ 'a\ufffdb': 1, '\ufffd': 2, '\\ud800 é\n': 3, '😀': 4 })
  })

  test('a list is read page by page, the newest first, and rows that are added meanwhile do not shift it', async () => {
    const { db } = store()
    const names = Array.from({ length: 7 }, (_, i) => `page-${i}`)
    for (const name of names) await makeDataset(db, { name })
    const first = await selectDatasetPage(db, { limit: 3 })
    await makeDataset(db, { name: 'page-late' })
    const second = await selectDatasetPage(db, { limit: 3, cursor: first.next_cursor })
    const third = await selectDatasetPage(db, { limit: 100, cursor: second.next_cursor })
    const read = [first, second, third].flatMap(({ data }) => data.map(({ name }) => name))
    expect(read.filter((name) => name.startsWith('page-'))).toEqual(names.toReversed())
    expect(third).not.toHaveProperty('next_cursor')
    const all = await selectDatasetPage(db, { limit: read.length + 1 })
    expect(all.data).toHaveLength(read.length + 1)
    expect(all).not.toHaveProperty('next_cursor')
    await expect(selectDatasetPage(db, { cursor: 'x' })).rejects.toMatchObject({ code: 'body_invalid' })
    await expect(selectDatasetPage(db, { limit: 101 })).rejects.toMatchObject({ code: 'body_invalid' })
  })

  test('an adapter has the name of its base and the id of the training that made it', async () => {
    const { db } = store()
    const training = await makeTraining(db, { name: 'made' })
    await expect(makeAdapter(db, { name: 'made' })).rejects.toMatchObject({ code: 'name_taken' })
    const claimed = await claimTraining(db, training.id, 'w')
    const adapter = await makeAdapter(db, { name: 'made' }, training.id)
    await transitionTraining(db, training.id, 'succeeded', {
      fencing_token: claimed?.fencing_token,
      patch: { adapter_id: adapter.id },
    })
    const stored = await selectAdapter(db, 'made')
    expect(stored).toMatchObject({ base: 't5-small', training_id: training.id, digest: digest('weights') })
    expect(await selectAdapter(db, adapter.id)).toEqual(stored)
    expect((await selectAdapterPage(db)).data[0]).toEqual(stored)
    expect((await selectAdapterPage(db, { base_id: uuidv7() })).data).toEqual([])
    await expect(makeTraining(db, { name: 'made' })).rejects.toMatchObject({ code: 'name_taken' })
  })

  test('of an adapter and trainings that request one name at the same time, one gets it', async () => {
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

  test('the training of a deleted adapter stays, and the adapter is unknown from then on', async () => {
    const { db } = store()
    const training = await makeTraining(db)
    const claimed = await claimTraining(db, training.id, 'w')
    const { id } = await makeAdapter(db, {}, training.id)
    const fencing_token = claimed?.fencing_token
    await transitionTraining(db, training.id, 'succeeded', { fencing_token, patch: { adapter_id: id } })
    const adapter = await selectAdapter(db, id)
    expect(await deleteAdapter(db, adapter.name)).toEqual(adapter)
    expect(await selectTrainingById(db, training.id)).toMatchObject({ status: 'succeeded', adapter_id: null })
    await expect(selectAdapter(db, adapter.name)).rejects.toMatchObject({ code: 'adapter_unknown' })
    await expect(deleteAdapter(db, adapter.id)).rejects.toMatchObject({ code: 'adapter_unknown' })
  })

  test('the first outcome of an evaluation is final', async () => {
    const { db } = store()
    const adapter = await makeAdapter(db)
    const { id: dataset_id } = await makeDataset(db)
    const { id } = await insertEvaluation(db, { adapter_id: adapter.id, digest: adapter.digest, dataset_id })
    expect(await updateShortWork(db, 'evaluation', id, { status: 'running' })).toMatchObject({ finished_at: null })
    const measured = computeMetrics(
      [{ label: 0, probabilities: [0.9, 0.1], tokens: 12, truncated: false }],
      ['bad', 'good'],
    )
    const settled = await updateShortWork(db, 'evaluation', id, { status: 'succeeded', metrics: measured })
    expect(settled).toMatchObject({ status: 'succeeded', metrics: measured })
    expect(await updateShortWork(db, 'evaluation', id, { status: 'cancelled' })).toBeUndefined()
    expect(await selectShortWork(db, 'evaluation', id)).toEqual(settled)
    expect((await selectEvaluationPage(db, { adapter_id: adapter.id })).data).toEqual([settled])
    await deleteAdapter(db, adapter.id)
    await expect(selectShortWork(db, 'evaluation', id)).rejects.toMatchObject({ code: 'evaluation_unknown' })
  })

  test('a comparison outlives its adapters', async () => {
    const { db } = store()
    const adapters = [await makeAdapter(db), await makeAdapter(db)].map(({ id, name, digest }) => ({
      id,
      name,
      digest,
    }))
    const { id: dataset_id } = await makeDataset(db)
    const { id } = await insertComparison(db, { adapters, dataset_id })
    const predictions = [{ label: 0, probabilities: [0.9, 0.1], tokens: 12, truncated: false }]
    const compared = compare(
      [{ id: '1', text: 'dull', label: 'bad', tokens: 12 }],
      adapters.map(({ name }) => ({ name, labels: ['bad', 'good'], predictions })),
    )
    await updateShortWork(db, 'comparison', id, { status: 'succeeded', result: compared })
    for (const adapter of adapters) await deleteAdapter(db, adapter.id)
    const stored = await selectShortWork(db, 'comparison', id)
    expect(stored).toMatchObject({ adapters, result: compared, status: 'succeeded' })
    expect((await selectComparisonPage(db)).data).toEqual([stored])
    await expect(insertComparison(db, { adapters: [adapters[0]], dataset_id })).rejects.toThrow()
    await expect(selectShortWork(db, 'comparison', 'x')).rejects.toMatchObject({ code: 'comparison_unknown' })
  })

  test('the artifacts of all adapters and data sets are referenced, and the state and the start of a training until it finishes', async () => {
    const { db } = store()
    const adapter = await makeAdapter(db, { artifact: digest('kept folder') })
    await makeDataset(db, { digest: digest('kept data') })
    const { id } = await makeTraining(db, { from_artifact: digest('kept start') })
    const claimed = await claimTraining(db, id, 'w')
    await recordProgress(db, id, claimed?.fencing_token ?? 0, { state: digest('kept state') })
    const kept = ['kept folder', 'kept data', 'kept state', 'kept start'].map(digest)
    expect([...(await selectReferencedArtifacts(db))]).toEqual(expect.arrayContaining(kept))
    await transitionTraining(db, id, 'cancelled')
    await deleteAdapter(db, adapter.id)
    const remaining = await selectReferencedArtifacts(db)
    expect(kept.map((one) => remaining.has(one))).toEqual([false, true, false, false])
  })

  test('references are read only from a database that proves its answer', async () => {
    const { db } = store()
    await makeAdapter(db, { artifact: digest('kept once more') })
    type Rows = { source: number; text: string | null; count: unknown }[]
    /** Returns a database whose answers lack rows or have other ones. */
    const withAnswers = (change: (rows: Rows) => Rows) => {
      const execute = async (query: Parameters<typeof db.execute>[0]) => ({
        rows: change(((await db.execute(query)) as unknown as { rows: Rows }).rows),
      })
      return { execute } as unknown as typeof db
    }
    const trusted = await selectReferencedArtifacts(withAnswers((rows) => rows))
    expect(trusted).toEqual(await selectReferencedArtifacts(db))
    let reading = 0
    const damaged: [string, (rows: Rows) => Rows][] = [
      ['no rows', () => []],
      ['the rows of another statement', (rows) => rows.map((row) => ({ ...row, text: digest('of another') }))],
      ['counts without rows', (rows) => rows.filter(({ text, count }) => count !== null || text?.includes('-'))],
      [
        'one row too few',
        (rows) =>
          rows.toSpliced(
            rows.findIndex(({ text }) => text?.length === 64),
            1,
          ),
      ],
      ['rows without counts', (rows) => rows.filter(({ count }) => count === null)],
      [
        'other rows each time',
        (rows) => {
          const changed = digest(`reading ${reading++}`)
          return rows.map((row) => (row.text?.length === 64 ? { ...row, text: changed } : row))
        },
      ],
    ]
    for (const [name, change] of damaged)
      await expect(selectReferencedArtifacts(withAnswers(change)), name).rejects.toMatchObject({
        code: 'store_unavailable',
        message: expect.stringContaining('No artifact was removed'),
      })
  })

  test('a transaction that fails leaves nothing, and a nested one rolls back only its own part', async () => {
    const { db, transaction } = store()
    const failing = transaction(async (tx) => {
      await makeDataset(tx, { name: 'rolled back' })
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    await expect(selectDataset(db, 'rolled back')).rejects.toMatchObject({ code: 'dataset_unknown' })
    await transaction(async (tx) => {
      await makeDataset(tx, { name: 'outer' })
      await expect(makeDataset(tx, { name: 'outer', digest: digest('others') })).rejects.toMatchObject({
        code: 'name_taken',
      })
      await expect(
        tx.transaction(async (inner) => {
          await makeDataset(inner, { name: 'inner' })
          throw new Error('no')
        }),
      ).rejects.toThrow('no')
    })
    expect(await selectDataset(db, 'outer')).toMatchObject({ name: 'outer' })
    await expect(selectDataset(db, 'inner')).rejects.toMatchObject({ code: 'dataset_unknown' })
  })

  test('a transaction that waits does not block others forever', async () => {
    const { db, transaction } = store()
    const slow = transaction(async (tx) => {
      await makeDataset(tx, { name: 'slow' })
      await wait(200)
    })
    await Promise.all([slow, makeDataset(db, { name: 'quick' })])
    expect(await selectDataset(db, 'slow')).toMatchObject({ name: 'slow' })
  })
})
