import { existsSync, readdirSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { relu } from '../../../graph/ops/elementwise.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { buildProgram } from '../../../graph/program.ts'
import { openPool } from '../../../graph/runtime/pool.ts'

const program = buildProgram('halves', { y: relu(input('x', 'f32', ['rows', 3])) })

async function open(wide: boolean) {
  const pool = openPool(2)
  onTestFinished(() => pool.close())
  const { run, unload } = await pool.load(program, {}, { wide })
  const runOnce = async (value: number) => (await run({ x: Float32Array.of(value, -value, 0) }, { rows: 1 })).y
  return { runOnce, unload }
}

/** The threads of this process, those inside ONNX Runtime's ops included. */
const threads = () => readdirSync('/proc/self/task').length
/** Returns their number once threads of other tests have ended. */
async function settledThreads(): Promise<number> {
  for (let last = threads(); ; last = threads()) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    if (threads() === last) return last
  }
}

const cannotCount = existsSync('/proc/self/task') ? '' : ' (skipped: only Linux lists the threads of a process)'

test.skipIf(cannotCount)(
  `runs one after the other get the threads of several cores, and others do not${cannotCount}`,
  async () => {
    const [wide, narrow] = [await open(true), await open(false)]
    const before = await settledThreads()
    for (let i = 1; i <= 12; i++) expect([...(await narrow.runOnce(i))]).toEqual([i, 0, 0])
    for (let i = 0; i < 12; i++) expect(await Promise.all([wide.runOnce(1), wide.runOnce(2)])).toHaveLength(2)
    expect(threads()).toBe(before)
    for (let i = 1; i <= 12; i++) expect([...(await wide.runOnce(i))]).toEqual([i, 0, 0])
    expect(threads()).toBe(before + 1)
    await wide.unload()
    await expect.poll(threads).toBe(before)
  },
)

test.skipIf(cannotCount)(`a program that is unloaded during a run is not loaded again${cannotCount}`, async () => {
  const { runOnce, unload } = await open(true)
  const before = await settledThreads()
  for (let i = 1; i <= 3; i++) await runOnce(i)
  const running = runOnce(4)
  await new Promise(setImmediate)
  await Promise.all([running, unload()])
  expect(await settledThreads()).toBe(before)
})

test('a program may be unloaded while it is loaded for several cores', async () => {
  const { runOnce, unload } = await open(true)
  for (let i = 1; i <= 4; i++) await runOnce(i)
  await unload()
  await expect(runOnce(1)).rejects.toThrow('is not loaded')
})
