import { expect, test, vi } from 'vitest'
import type { WorkResult } from '../../platform/schemas/work.ts'
import { countSteps, type StepCounts } from '../../platform/worker/count-steps.ts'
import { makeWorkerMetrics } from '../../server/metrics/worker.ts'
import type { Work } from '../../server/routes/work.ts'
import { makeWorkerApp } from '../../server/worker-app.ts'
import type { Plan } from '../../training/events.ts'
import { fakePlatform } from '../platform/fake-platform.ts'

test('a worker serves its health and what it has run and trained, and nothing else', async () => {
  const { store, logger } = await fakePlatform()
  const workerMetrics = makeWorkerMetrics()
  const healthChecks = [{ name: 'database', check: async () => {} }]
  const app = makeWorkerApp({ store, logger }, { version: '1', healthChecks, workerMetrics })
  const { onEvent, onSteps } = workerMetrics.listeners
  onEvent({ training_id: 'a', slice: 1, status: 'running' })
  onEvent({ comparison_id: 'b', status: 'running' })
  onEvent({ comparison_id: 'b', status: 'succeeded' })
  onSteps({ steps: 2, reviews: 32, tokens: 900 })
  onSteps({ steps: 1, reviews: 16, tokens: 450 })

  const lines = (await (await app.request('/metrics')).text()).split('\n')
  expect(lines).toEqual(
    expect.arrayContaining([
      'graft_worker_jobs_running{kind="training"} 1',
      'graft_worker_jobs_running{kind="evaluation"} 0',
      'graft_worker_jobs_running{kind="comparison"} 0',
      'graft_worker_jobs_total{kind="comparison",status="succeeded"} 1',
      'graft_training_steps_total 3',
      'graft_training_reviews_total 48',
      'graft_training_tokens_total 1350',
      'graft_store_up 1',
      'graft_trainings{status="queued"} 0',
    ]),
  )
  expect(lines.join('\n')).toContain('nodejs_eventloop_lag_p99_seconds')
  expect(await (await app.request('/healthz')).json()).toMatchObject({ status: 'ok' })
  expect(await (await app.request('/readyz')).json()).toEqual({ status: 'ready', checks: { database: 'ok' } })
  expect((await app.request('/v1/adapters')).status).toBe(404)
})

test('once there are keys, the metrics of a worker need one, and its health does not', async () => {
  const { store, logger } = await fakePlatform()
  const access = {
    hasKeys: async () => true,
    verify: async (secret: string) => (secret === 'graft_m' ? { owner: 'm', scopes: ['metrics' as const] } : undefined),
  }
  const options = { version: '1', healthChecks: [], workerMetrics: makeWorkerMetrics(), access }
  const app = makeWorkerApp({ store, logger }, options)
  expect((await app.request('/metrics')).status).toBe(401)
  expect((await app.request('/metrics', { headers: { authorization: 'Bearer graft_m' } })).status).toBe(200)
  expect((await app.request('/healthz')).status).toBe(200)
})

test('a worker that works on request runs one slice at a time, for keys with the scope train', async () => {
  const { store, logger } = await fakePlatform()
  const scopes = { graft_t: 'train', graft_p: 'predict' } as const
  const access = {
    hasKeys: async () => true,
    verify: async (secret: string) =>
      secret in scopes ? { owner: secret, scopes: [scopes[secret as keyof typeof scopes]] } : undefined,
  }
  const calls: number[] = []
  let finish = (_: WorkResult) => {}
  const work: Work = (milliseconds) => {
    calls.push(milliseconds)
    return new Promise((resolve) => {
      finish = resolve
    })
  }
  const options = { version: '1', healthChecks: [], workerMetrics: makeWorkerMetrics(), access }
  const app = makeWorkerApp({ store, logger }, { ...options, work })
  // The body of a task queue is not read.
  const post = (key: string, query = '') =>
    app.request(`/v1/work${query}`, { method: 'POST', headers: { authorization: `Bearer ${key}` }, body: 'a task' })

  expect((await app.request('/v1/work', { method: 'POST' })).status).toBe(401)
  expect((await post('graft_p')).status).toBe(403)
  expect((await post('graft_t', '?seconds=0')).status).toBe(422)
  expect((await app.request('/v1/work')).status).toBe(405)
  expect(calls).toEqual([])
  const first = post('graft_t')
  await vi.waitUntil(() => calls.length === 1)
  const second = await post('graft_t')
  expect([second.status, await second.json()]).toMatchObject([429, { code: 'overloaded' }])
  finish({ worked: false, waiting: 0 })
  expect(await (await first).json()).toEqual({ worked: false, waiting: 0 })
  const third = post('graft_t', '?seconds=1800')
  await vi.waitUntil(() => calls.length === 2)
  finish({ worked: true, waiting: 1 })
  expect((await third).status).toBe(200)
  expect(calls).toEqual([600_000, 1_800_000])

  const without = makeWorkerApp({ store, logger }, options)
  expect((await without.request('/v1/work', { method: 'POST' })).status).toBe(404)
})

test('the steps of all slices add up to the reviews and tokens of the plan', () => {
  const plan = { steps: 8, reviews: 80, tokens: 4000 } as Plan
  const step = (number: number) => ({
    ...{ type: 'step' as const, step: number, steps: 8, loss: 1, reviews_per_second: 1, seconds_left: 1 },
  })
  const sum: StepCounts = { steps: 0, reviews: 0, tokens: 0 }
  for (const slice of [
    [1, 2, 5],
    [6, 8],
  ]) {
    const listen = countSteps(({ steps, reviews, tokens }) => {
      sum.steps += steps
      sum.reviews += reviews
      sum.tokens += tokens
    })
    listen({ type: 'plan', plan })
    for (const number of slice) listen(step(number))
  }
  expect(sum).toEqual({ steps: 8, reviews: 80, tokens: 4000 })
})
