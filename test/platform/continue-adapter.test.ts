import { readFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import type { Api } from '../../cli/store/api.ts'
import { makeLocalApi } from '../../cli/store/local-api.ts'
import { type OpenPlatform, openPlatform } from '../../platform/open-platform.ts'
import { selectAdapter } from '../../platform/store/adapters.ts'
import { selectReferencedArtifacts } from '../../platform/store/artifact-references.ts'
import { ensureBase } from '../../platform/store/bases.ts'
import { workOnce } from '../../platform/worker/worker.ts'
import { afterFile } from '../after-file.ts'
import { freshPath } from '../checkpoint/helpers.ts'
import { tinyBase, tinySpec } from '../training/tiny.ts'

const SHORT = { steps: 30, batch_tokens: 400, threads: 1 }
let platform: OpenPlatform
let api: Api

beforeAll(async () => {
  platform = await openPlatform({ base: tinyBase(), home: freshPath('home'), databaseUrl: '', threads: 1 })
  afterFile(() => platform.close())
  api = await makeLocalApi(platform)
  await api.datasets.upload('films', readFileSync(tinySpec().data))
  await trainToEnd({ name: 'first', rank: 2, max_tokens: 64 })
})

async function trainToEnd(request: object) {
  const { id } = await api.trainings.launch({ ...SHORT, dataset: 'films', ...request })
  await workOnce(platform)
  return api.trainings.get(id)
}

test('a training continues from an adapter in the store, with its method and its truncation', async () => {
  const first = await api.adapters.get('first')
  const training = await trainToEnd({ name: 'second', from_adapter: 'first', steps: 5 })
  expect(training).toMatchObject({
    status: 'succeeded',
    method: 'lora',
    from_adapter: first.id,
    settings: { rank: 2, max_tokens: 64 },
    result: { steps: 5 },
  })
  const fresh = await trainToEnd({ name: 'third', rank: 2, max_tokens: 64, steps: 5 })
  expect((training.result as { loss: number }).loss).toBeLessThan((fresh.result as { loss: number }).loss)
})

test('a plan of such a training measures it', async () => {
  const { plan } = await api.trainings.plan({ ...SHORT, dataset: 'films', from_adapter: 'first' })
  expect(plan).toMatchObject({ method: 'lora', trainable: (await api.adapters.get('first')).trainable })
})

test('an adapter that is deleted after the launch stays until the training has finished', async () => {
  await trainToEnd({ name: 'short-lived', seed: 5 })
  const { artifact } = await selectAdapter(platform.store.db, 'short-lived')
  const { id } = await api.trainings.launch({ ...SHORT, dataset: 'films', from_adapter: 'short-lived' })
  await api.adapters.remove('short-lived')
  expect(await selectReferencedArtifacts(platform.store.db)).toContain(artifact)
  await workOnce(platform)
  const training = await api.trainings.get(id)
  expect(training.status).toBe('succeeded')
  expect(training).not.toHaveProperty('from_adapter')
  expect(await selectReferencedArtifacts(platform.store.db)).not.toContain(artifact)
})

test('an adapter that does not exist, another method and another base are refused', async () => {
  const launch = (request: object) => api.trainings.launch({ dataset: 'films', ...request })
  await expect(launch({ from_adapter: 'nothing' })).rejects.toMatchObject({
    code: 'adapter_unknown',
    detail: { subject: 'from_adapter' },
  })
  await expect(launch({ from_adapter: 'first', method: 'bottleneck' })).rejects.toMatchObject({
    code: 'method_invalid',
    detail: { subject: 'method', fix: expect.stringContaining('Leave out') },
  })
  const { id: _, created_at: __, ...base } = platform.bases[0]
  await ensureBase(platform.store.db, { ...base, name: 'other', fingerprint: '0'.repeat(64) })
  await expect(launch({ from_adapter: 'first', base: 'other' })).rejects.toMatchObject({ code: 'base_mismatch' })
})
