import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { lower } from '../../graph/onnx/lower.ts'
import { relu } from '../../graph/ops/elementwise.ts'
import { input } from '../../graph/ops/leaf.ts'
import { matmul } from '../../graph/ops/matmul.ts'
import { softmax } from '../../graph/ops/softmax.ts'
import { buildProgram } from '../../graph/program.ts'
import { openPool, type Pool } from '../../graph/runtime/pool.ts'
import { openSession, type Session } from '../../graph/runtime/session.ts'
import { parseTrace } from '../../graph/runtime/trace.ts'
import { openTracedPool } from '../../graph/runtime/traced-pool.ts'
import { freshPath } from '../checkpoint/helpers.ts'

const x = input('x', 'f32', ['rows', 48])
const w = input('w', 'f32', [32, 48])
const y = softmax(relu(matmul(x, w, { transposeB: true })))
const small = buildProgram('small', { y })
const weights = new Float32Array(new SharedArrayBuffer(4 * 32 * 48)).fill(0.1)
const rows = (n: number) => new Float32Array(48 * n).fill(1)

function emptyFolder(): string {
  const folder = freshPath('traces')
  mkdirSync(folder, { recursive: true })
  return folder
}

test('the trace of a session has all its runs, with every kernel and the work of the matrix products', async () => {
  const profile = join(emptyFolder(), 'trace')
  const session = await openSession(lower(small, 'cpu'), { threads: 1, profile })
  for (const n of [3, 5]) await session.run({ x: rows(n), w: weights }, { rows: n })
  await session.close()
  const [file] = readdirSync(dirname(profile))
  const runs = parseTrace(readFileSync(join(dirname(profile), file), 'utf8'))
  expect(runs).toHaveLength(2)
  for (const [i, run] of runs.entries()) {
    expect(run.nodes.map(({ opType }) => opType)).toEqual(['FusedMatMul', 'Relu', 'Softmax'])
    expect(run.nodes.map(({ flops }) => flops)).toEqual([2 * [3, 5][i] * 32 * 48, 0, 0])
    expect(run.nodes.map(({ name }) => small.nodes[Number(name.split('.')[0])].op.name)).toEqual([
      'matmul',
      'relu',
      'softmax',
    ])
    for (const { start, ms, provider } of run.nodes) {
      expect(provider).toBe('CPUExecutionProvider')
      expect(start).toBeGreaterThanOrEqual(run.start)
      expect(start + ms).toBeLessThanOrEqual(run.start + run.ms)
    }
  }
})

test("a GPU's dispatches belong to the run and the node that submitted them, even if they end after the run", () => {
  const node = (name: string, ts: number) => ({
    cat: 'Node',
    name: `${name}_kernel_time`,
    ts,
    dur: 5,
    args: {
      op_name: 'MatMul',
      provider: 'WebGpuExecutionProvider',
      input_type_shape: [{ float: [2, 8] }, { float: [8, 4] }],
      output_type_shape: [{ float: [2, 4] }],
    },
  })
  const dispatch = (name: string, ts: number, dur: number) => ({ cat: 'Api', name, ts, dur, args: {} })
  const events = [
    { cat: 'Session', name: 'session_initialization', ts: 0, dur: 90, args: {} },
    node('v0', 110),
    { cat: 'Session', name: 'model_run', ts: 100, dur: 50, args: {} },
    node('v0', 1010),
    { cat: 'Session', name: 'model_run', ts: 1000, dur: 50, args: {} },
    dispatch('v0&MatMul&MatMulSplitK', 120, 400),
    dispatch('v0&MatMul&Reduce', 520, 100),
    dispatch('v0&MatMul&MatMulSplitK', 1020, 600),
  ]
  const runs = parseTrace(JSON.stringify(events))
  expect(runs.map(({ dispatches }) => dispatches.map(({ name, ms }) => [name, ms]))).toEqual([
    [
      ['v0', 0.4],
      ['v0', 0.1],
    ],
    [['v0', 0.6]],
  ])
  // The work is counted once, however many dispatches share it.
  expect(runs.map(({ dispatches }) => dispatches.map(({ flops }) => flops))).toEqual([[128, 0], [128]])
  expect(runs[0].dispatches[0].provider).toBe('WebGpuExecutionProvider')
})

test('a traced pool returns the same results as a pool, and assigns each trace to its run', async () => {
  const pool = openTracedPool([openPool(1), openPool(1)], emptyFolder())
  const plain = openPool(1)
  const [traced, untraced] = await Promise.all([pool, plain].map((one) => one.load(small, { w: weights })))
  const sizes = [1, 2, 3, 4, 5]
  const answers = await Promise.all(sizes.map((n) => traced.run({ x: rows(n) }, { rows: n })))
  for (const [i, n] of sizes.entries()) expect(answers[i]).toEqual(await untraced.run({ x: rows(n) }, { rows: n }))
  const calls = await pool.collectCalls()
  await plain.close()
  expect(calls.map(({ symbols }) => symbols.rows).sort()).toEqual(sizes)
  expect(new Set(calls.map(({ thread }) => thread)).size).toBe(2)
  for (const { symbols, trace, bytesFed, bytesReturned, start, end } of calls) {
    expect(trace.nodes[0].flops).toBe(2 * symbols.rows * 32 * 48)
    expect([bytesFed, bytesReturned]).toEqual([4 * 48 * symbols.rows, 4 * 32 * symbols.rows])
    expect(end - start).toBeGreaterThan(trace.ms)
  }
})

test('if each size has its own session, as on a device, runs are assigned by their time', async () => {
  const sessions = new Map<number, Promise<Session>>()
  const device: Pool = {
    size: 1,
    load: async (loaded, bound, options) => ({
      async run(feeds, symbols) {
        const session = sessions.get(symbols.rows) ?? openSession(lower(loaded, 'cpu'), { threads: 1, ...options })
        sessions.set(symbols.rows, session)
        return (await session).run({ ...bound, ...feeds }, symbols)
      },
      unload: async () => {},
    }),
    close: async () => {
      for (const session of sessions.values()) await (await session).close()
    },
  }
  const pool = openTracedPool([device], emptyFolder())
  const loaded = await pool.load(small, { w: weights })
  const sizes = [30, 4, 4, 30, 2, 4]
  for (const n of sizes) {
    await loaded.run({ x: rows(n), held: { key: 1 } as never }, { rows: n })
    // The times in the file names of traces are whole milliseconds.
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const calls = await pool.collectCalls()
  expect(calls.map(({ trace }) => trace.nodes[0].flops)).toEqual(sizes.map((n) => 2 * n * 32 * 48))
  // Values that are already on the device do not count as fed.
  expect(calls.map(({ bytesFed }) => bytesFed)).toEqual(sizes.map((n) => 4 * 48 * n))
})
