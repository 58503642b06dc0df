import { mkdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { build } from 'esbuild'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startInstance } from '../../bench/function-platform.ts'
import { type InvocationLog, invokeUntilDone, trainEvents } from '../../bench/invoke-until-done.ts'
import { packageRoot } from '../../core/entry.ts'
import { isActive } from '../../platform/schemas/statuses.ts'
import { type WorkResult, workResult } from '../../platform/schemas/work.ts'
import { selectAdapter } from '../../platform/store/adapters.ts'
import { selectTrainingById } from '../../platform/store/trainings.ts'
import { freshPath } from '../checkpoint/helpers.ts'
import { describePostgres, postgresPlace } from '../contract/store/stores.ts'
import { deployment } from '../deploying/deployment.ts'
import { digestOfUndisturbedRun, eventsOf, expectCompleteEvents } from '../platform/worker/wait-until.ts'
import { launchTraining, setUpWorker, type WorkerSetup } from '../platform/worker/worker-context.ts'
import { giveToUser } from '../user.ts'

test('a function that answers predictions does not load the worker or what it starts', async () => {
  const { metafile } = await build({
    ...{ entryPoints: ['server/lambda.ts'], absWorkingDir: packageRoot, outdir: 'out', write: false, metafile: true },
    ...{ bundle: true, splitting: true, format: 'esm', platform: 'node', packages: 'external' },
  })
  const loaded = new Set<string>()
  const load = (path: string) => {
    if (loaded.has(path)) return
    loaded.add(path)
    for (const { path: imported, kind } of metafile.outputs[path]?.imports ?? [])
      if (kind === 'import-statement') load(imported)
  }
  load(Object.keys(metafile.outputs).find((path) => metafile.outputs[path].entryPoint === 'server/lambda.ts') as string)
  const sources = [...loaded].flatMap((path) => Object.keys(metafile.outputs[path]?.inputs ?? {}))
  expect(sources).toContain('serving/engine.ts')
  expect(Object.keys(metafile.inputs)).toContain('platform/worker/slice.ts')
  expect(sources.filter((path) => /^platform\/worker\/|^training\/(step|state)\//.test(path))).toEqual([])
})

const isKilled = ({ result }: InvocationLog) => result === undefined
/** True for a slice that the limit of its time ended. */
const isInterrupted = ({ result }: InvocationLog) => result?.status === 'queued' && (result.step ?? 0) > 0

describePostgres(() => {
  describe('a function that trains', () => {
    /** So many steps that a fast machine, too, leaves some of them for each invocation. */
    const LONG = { steps: 1600, batch_tokens: 400 }
    const logged: unknown[] = []
    let setup: WorkerSetup
    let client: pg.Client

    beforeAll(async () => {
      setup = await setUpWorker(postgresPlace, logged)
      giveToUser(setup.home)
      client = new pg.Client({ connectionString: setup.place.options.databaseUrl })
      await client.connect()
    })
    afterAll(async () => {
      await client.end()
      await setup.context.close()
      await setup.place.remove()
      expect(logged).toEqual([])
    })

    const start = (timeoutSeconds: number) => {
      const home = freshPath('function')
      mkdirSync(home, { recursive: true })
      giveToUser(home)
      const env = {
        ...{ DATABASE_URL: setup.place.options.databaseUrl, GRAFT_ARTIFACTS: `${setup.home}/artifacts` },
        ...{ GRAFT_HOME: home, TMPDIR: home },
      }
      return startInstance(deployment, env, { handler: 'train', timeoutSeconds })
    }

    /** Waits until a worker has trained further than now, or until the signal. */
    const waitForProgress = async (id: string, ended: AbortSignal) => {
      const read = async () => (await selectTrainingById(setup.context.store.db, id)).progress?.step ?? 0
      for (const before = await read(); !ended.aborted && (await read()) <= before; ) await sleep(50)
    }

    test('carries a training from launch to adapter by nothing but invocations, two of them killed, to the same bytes', async () => {
      const { context, inputs } = setup
      const { db } = context.store
      const { id } = await launchTraining(context, inputs, LONG, { name: 'by-function' })
      const log = await invokeUntilDone({
        // On a busy machine, the first steps may take longer.
        start: (log) => start(log.some(isInterrupted) ? 60 : 6 * 2 ** log.length),
        killWhen: (log, ended) =>
          log.some(isInterrupted) && log.filter(isKilled).length < 2 ? waitForProgress(id, ended) : undefined,
        async isDone() {
          // The next invocation would wait for 8 seconds until the killed one counts as stalled.
          await client.query("update graft.trainings set heartbeat_at = heartbeat_at - interval '1 minute'")
          return !isActive(await selectTrainingById(db, id))
        },
      })
      const results = log.flatMap(({ result }) => (result ? [workResult.parse(result)] : []))
      expect(log.filter(isKilled)).toHaveLength(2)
      expect(results).toContainEqual(
        expect.objectContaining({
          worked: true,
          training_id: id,
          status: 'queued',
          step: expect.any(Number),
          waiting: 1,
        }),
      )
      expect(results.at(-1)).toMatchObject({ training_id: id, status: 'succeeded', step: LONG.steps, waiting: 0 })
      expectCompleteEvents(await eventsOf(db, id), LONG.steps)
      expect((await selectAdapter(db, 'by-function')).digest).toBe(await digestOfUndisturbedRun(LONG))
    }, 300_000)

    const connectionsOfOthers = async (): Promise<number> => {
      const query = 'select count(*)::int as n from pg_stat_activity where datname = current_database()'
      return (await client.query(query)).rows[0].n
    }

    test('holds no connection while it is frozen, and works afterwards', async () => {
      const instance = await start(60)
      const invoke = () => instance.invoke<WorkResult>(trainEvents[0])
      const connections = await connectionsOfOthers()
      try {
        expect(await invoke()).toEqual({ worked: false, waiting: 0 })
        instance.freeze()
        expect(await connectionsOfOthers()).toBeLessThanOrEqual(connections)
        instance.thaw()
        const { id } = await launchTraining(setup.context, setup.inputs, { steps: 5, batch_tokens: 400 })
        expect(await invoke()).toMatchObject({ worked: true, training_id: id, status: 'succeeded' })
      } finally {
        await instance.end()
      }
    })
  })
})
