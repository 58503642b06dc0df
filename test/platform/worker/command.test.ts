import { setTimeout as pause } from 'node:timers/promises'
import { beforeAll, expect, test } from 'vitest'
import { selectAdapter } from '../../../platform/store/adapters.ts'
import { selectTrainingById } from '../../../platform/store/trainings.ts'
import { freshHome, startGraft } from '../../cli/run.ts'
import { openCollector } from '../../server/collector.ts'
import { tinyBase, tinySpec } from '../../training/tiny.ts'
import { digestOfUndisturbedRun } from './wait-until.ts'
import { LONG, launchTraining, openWorkerContext, storeInputs } from './worker-context.ts'

let home: string
let id: string

/** Opens the embedded database only for the duration of the work, because one process may have it open at a time. */
async function withContext<T>(
  work: (context: Awaited<ReturnType<typeof openWorkerContext>>) => Promise<T>,
): Promise<T> {
  const context = await openWorkerContext({ databaseUrl: '', home }, () => {})
  try {
    return await work(context)
  } finally {
    await context.close()
  }
}

beforeAll(async () => {
  home = freshHome()
  const { data, test } = tinySpec()
  await withContext(async (context) => {
    const inputs = await storeInputs(context, { base: tinyBase(), data, test: test as string })
    id = (await launchTraining(context, inputs, LONG, { name: 'by-command' })).id
  })
})

const worker = (...flags: string[]) => startGraft(['worker', ...flags], { GRAFT_HOME: home, GRAFT_ARTIFACTS: '' })

test('graft worker --once runs one slice and reports it as JSON', async () => {
  const { code, stdout } = await worker('--once', '--json', '--slice-seconds', '0.3').exited
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    worked: true,
    training_id: id,
    slice: 1,
    status: 'queued',
    total_steps: LONG.steps,
  })
  const { state, status } = await withContext(({ store }) => selectTrainingById(store.db, id))
  expect(status).toBe('queued')
  expect(state).not.toBeNull()
})

test('graft worker requeues its training on SIGTERM, and another worker continues to the same bytes', async () => {
  const first = worker('--metrics-port', '0')
  await first.waitFor(/"status":"running"/)
  const url = first.stderr.match(/"metrics_url":"(.*?)"/)?.[1]
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('graft_worker_jobs_running{kind="training"} 1\n')
  first.kill('SIGTERM')
  const { code, stdout, stderr } = await first.exited
  expect([code, stdout]).toEqual([0, ''])
  const lines = stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object)
  expect(lines.filter((line) => !('request_id' in line))).toMatchObject([
    { ready: true },
    { level: 30, training_id: id, slice: 2, status: 'running', time: expect.any(String) },
    { training_id: id, slice: 2, status: 'queued' },
  ])
  expect(await withContext(({ store }) => selectTrainingById(store.db, id))).toMatchObject({
    status: 'queued',
    failed_attempts: 0,
  })

  const collector = await openCollector()
  const last = await startGraft(['worker', '--once'], {
    ...{ GRAFT_HOME: home, GRAFT_ARTIFACTS: '', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  }).exited
  expect(collector.spans()).toMatchObject([
    {
      name: 'training',
      attributes: { 'graft.training.id': id, 'graft.training.slice': 3, 'graft.training.status': 'succeeded' },
    },
  ])
  expect(last.code).toBe(0)
  expect(JSON.parse(last.stdout)).toMatchObject({ training_id: id, status: 'succeeded', step: LONG.steps })
  const idle = await worker('--once', '--json').exited
  expect([idle.code, JSON.parse(idle.stdout)]).toEqual([0, { worked: false, waiting: 0 }])
  await withContext(async ({ store }) =>
    expect((await selectAdapter(store.db, 'by-command')).digest).toBe(await digestOfUndisturbedRun(LONG)),
  )
})

test('graft worker --on-request takes nothing by itself, and runs one slice for each request', async () => {
  const { data, test } = tinySpec()
  const launched = await withContext(async (context) => {
    const inputs = await storeInputs(context, { base: tinyBase(), data, test: test as string })
    return launchTraining(context, inputs, { steps: 20 }, { name: 'by-request' })
  })
  const process = worker('--on-request', '--metrics-port', '0')
  await process.waitFor(/"ready":true/)
  const url = process.stderr.match(/"metrics_url":"(.*?)"/)?.[1]
  const request = async () => (await fetch(`${url}/v1/work?seconds=600`, { method: 'POST' })).json()
  await pause(1500)
  expect(process.stderr).not.toContain('training_id')
  expect(await request()).toEqual({
    ...{ worked: true, training_id: launched.id, slice: 1, status: 'succeeded', step: 20, total_steps: 20, waiting: 0 },
  })
  expect(await request()).toEqual({ worked: false, waiting: 0 })
  process.kill('SIGTERM')
  expect((await process.exited).code).toBe(0)

  const { code, stderr } = await worker('--on-request').exited
  expect([code, stderr]).toEqual([2, expect.stringContaining('Add --metrics-port PORT.')])
})
