import { beforeAll, expect, test } from 'vitest'
import { getAdapter } from '../../../platform/store/adapters.ts'
import { getTraining } from '../../../platform/store/trainings.ts'
import { freshHome, started } from '../../cli/run.ts'
import { tinyBase, tinySpec } from '../../training/tiny.ts'
import { undisturbed } from './watching.ts'
import { launch, openDesk, storeInputs } from './worker-context.ts'

const LONG = { steps: 400, batch_tokens: 400 }

let home: string
let id: string

/** The embedded database has one process at a time, so each looks at it in turn. */
async function withDesk<T>(work: (desk: Awaited<ReturnType<typeof openDesk>>) => Promise<T>): Promise<T> {
  const desk = await openDesk({ databaseUrl: '', home }, () => {})
  try {
    return await work(desk)
  } finally {
    await desk.close()
  }
}

beforeAll(async () => {
  home = freshHome()
  const { data, test } = tinySpec()
  await withDesk(async (desk) => {
    const inputs = await storeInputs(desk, { base: tinyBase(), data, test: test as string })
    id = (await launch(desk, inputs, LONG, { name: 'by-command' })).id
  })
})

const worker = (...flags: string[]) => started(['worker', ...flags], { GRAFT_HOME: home, GRAFT_ARTIFACTS: '' })

test('graft worker --once does a slice and tells in JSON what it did', async () => {
  const { code, stdout } = await worker('--once', '--json', '--slice-seconds', '0.3').ended
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    worked: true,
    training: id,
    slice: 1,
    status: 'queued',
    total_steps: LONG.steps,
  })
  const { state, status } = await withDesk(({ store }) => getTraining(store.db, id))
  expect(status).toBe('queued')
  expect(state).not.toBeNull()
})

test('graft worker gives what it trains back when it is asked to end, and another goes on to the same bytes', async () => {
  const first = worker()
  await first.says(/"status":"running"/)
  first.kill('SIGTERM')
  const { code, stdout, stderr } = await first.ended
  expect([code, stdout]).toEqual([0, ''])
  const lines = stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object)
  expect(lines).toMatchObject([
    { ready: true },
    { training: id, slice: 2, status: 'running', time: expect.any(String) },
    { training: id, slice: 2, status: 'queued' },
  ])
  expect(await withDesk(({ store }) => getTraining(store.db, id))).toMatchObject({
    status: 'queued',
    failed_attempts: 0,
  })

  const last = await worker('--once').ended
  expect(last.code).toBe(0)
  expect(JSON.parse(last.stdout)).toMatchObject({ training: id, status: 'succeeded', step: LONG.steps })
  const idle = await worker('--once', '--json').ended
  expect([idle.code, JSON.parse(idle.stdout)]).toEqual([0, { worked: false }])
  await withDesk(async ({ store }) =>
    expect((await getAdapter(store.db, 'by-command')).digest).toBe(await undisturbed(LONG)),
  )
})
