import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { afterEach, expect, test } from 'vitest'
import { packageRoot } from '../../../../core/entry.ts'
import type { GraftError } from '../../../../core/errors.ts'
import { stopOnPanic } from '../../../../platform/store/pglite/stop-on-panic.ts'
import { pglitePlace } from '../../../contract/store/embedded.ts'
import { NODE_FLAGS } from '../../../node-flags.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp()
})

/** Opens PGlite with a list in place of the end of the process. */
async function openWatched(breakLoop?: () => unknown): Promise<{ pglite: PGlite; stops: GraftError[] }> {
  const place = await pglitePlace()
  const pglite = await PGlite.create(join(place.options.home, 'database'))
  cleanups.push(place.remove, () => pglite.close().catch(() => {}))
  const { mod } = pglite as unknown as { mod: { _PostgresMainLoopOnce(): void } }
  const runOnce = mod._PostgresMainLoopOnce
  mod._PostgresMainLoopOnce = () => {
    const error = breakLoop?.()
    if (error) throw error
    runOnce()
  }
  const stops: GraftError[] = []
  stopOnPanic(pglite, '/home/ada/.graft', (error) => stops.push(error))
  return { pglite, stops }
}

const raise = (state: string) => `do $$ begin raise exception 'no luck' using errcode = '${state}'; end $$`

test('errors of statements do not stop the process, and the database continues', async () => {
  const { pglite, stops } = await openWatched()
  await expect(pglite.query('select 1 from nowhere')).rejects.toMatchObject({ code: '42P01' })
  await expect(pglite.query('select $1::int / 0', [1])).rejects.toMatchObject({ code: '22012' })
  await expect(pglite.exec(raise('P0001'))).rejects.toThrow('no luck')
  await expect(pglite.transaction((tx) => tx.exec(raise('40001')))).rejects.toThrow('no luck')
  expect((await pglite.query('select 1 as n')).rows).toEqual([{ n: 1 }])
  expect(stops).toEqual([])
})

test.each(['53100', 'XX000'])('an error with state %s stops the process', async (state) => {
  const { pglite, stops } = await openWatched()
  await expect(pglite.exec(raise(state))).rejects.toThrow('no luck')
  expect(stops).toMatchObject([
    {
      code: 'store_unavailable',
      detail: {
        subject: 'the database in /home/ada/.graft',
        problem: 'failed, so this process stops: no luck',
        fix: expect.stringContaining('start Graft again'),
      },
    },
  ])
})

test('an exception inside PGlite stops the process, although PGlite ignores it', async () => {
  const errors: Error[] = []
  const { pglite, stops } = await openWatched(() => errors.pop())
  expect((await pglite.query('select 1 as n')).rows).toHaveLength(1)
  errors.push(new Error('unreachable'))
  await pglite.query('select 1 as n').catch(() => {})
  expect(stops).toHaveLength(1)
  expect(stops[0].detail.problem).toBe('failed, so this process stops: unreachable')
})

test('the process that stops says why on stderr and exits with 1', async () => {
  const place = await pglitePlace()
  cleanups.push(place.remove)
  const { home } = place.options
  const program = `
    const { openPglite } = await import('${packageRoot}/platform/store/pglite/open-pglite.ts')
    const { client } = await openPglite('${home}')
    await client.pglite.exec("${raise('53100')}").catch(() => {})
    console.log('it continues')`
  const { code, stdout, stderr } = await new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    const args = [...NODE_FLAGS, '--input-type=module', '-e', program]
    execFile(process.execPath, args, (error, stdout, stderr) => resolve({ code: error?.code, stdout, stderr }))
  })
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain('graft: The database is unavailable.')
  expect(stderr).toContain(`The database in ${home} failed, so this process stops: no luck.`)
})
