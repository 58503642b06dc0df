import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../../core/entry.ts'
import { getAdapter } from '../../../platform/store/adapters.ts'
import { getTraining } from '../../../platform/store/trainings.ts'
import { tinyBase, tinySpec } from '../../training/tiny.ts'
import { launch, openDesk, storeInputs } from './desk.ts'
import { undisturbed } from './watching.ts'

const LONG = { steps: 600, batch_tokens: 400 }

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
  home = await mkdtemp(join(tmpdir(), 'graft-worker-'))
  const { data, test } = tinySpec()
  await withDesk(async (desk) => {
    const inputs = await storeInputs(desk, { base: tinyBase(), data, test: test as string })
    id = (await launch(desk, inputs, LONG, { name: 'by-command' })).id
  })
})
afterAll(() => rm(home, { recursive: true, force: true }))

function worker(...flags: string[]) {
  const child = spawn(process.execPath, [join(packageRoot, 'cli/main.ts'), 'worker', ...flags], {
    env: { ...process.env, GRAFT_HOME: home, DATABASE_URL: '', GRAFT_ARTIFACTS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines = createInterface(child.stderr)
  const out: string[] = []
  child.stdout.on('data', (chunk) => out.push(String(chunk)))
  return {
    child,
    out: async () => {
      const [code] = await once(child, 'close')
      return { code, text: out.join('') }
    },
    /** Waits for a line on stderr. */
    async told(pattern: RegExp) {
      for await (const line of lines) if (pattern.test(line)) return JSON.parse(line) as Record<string, unknown>
      throw new Error(`it never told ${pattern}`)
    },
  }
}

test('graft worker --once does a slice and tells in JSON what it did', async () => {
  const { code, text } = await worker('--once', '--json', '--slice-seconds', '0.3').out()
  expect(code).toBe(0)
  expect(JSON.parse(text)).toMatchObject({
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
  expect(await first.told(/"status":"running"/)).toMatchObject({ training: id, slice: 2, time: expect.any(String) })
  first.child.kill('SIGTERM')
  expect(await first.out()).toEqual({ code: 0, text: '' })
  expect(await withDesk(({ store }) => getTraining(store.db, id))).toMatchObject({ status: 'queued', losses: 0 })

  const { code, text } = await worker('--once').out()
  expect(code).toBe(0)
  expect(JSON.parse(text)).toMatchObject({ training: id, status: 'succeeded', step: LONG.steps })
  const { code: idle, text: nothing } = await worker('--once', '--json').out()
  expect([idle, JSON.parse(nothing)]).toEqual([0, { worked: false }])
  await withDesk(async ({ store }) => {
    expect((await getAdapter(store.db, 'by-command')).digest).toBe(await undisturbed(LONG))
  })
})
