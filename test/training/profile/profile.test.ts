import { beforeAll, describe, expect, test } from 'vitest'
import { profileLines } from '../../../cli/lines/profile.ts'
import type { Program } from '../../../graph/program.ts'
import type { TracedNode } from '../../../graph/runtime/trace.ts'
import type { Call } from '../../../graph/runtime/traced-pool.ts'
import { parseMethod } from '../../../model/methods/registry.ts'
import type { T5Config } from '../../../model/t5/config.ts'
import { layersOf } from '../../../training/profile/places.ts'
import { type Profile, summarize } from '../../../training/profile/profile.ts'
import { type Work, workOf } from '../../../training/profile/work.ts'
import { gradientProgram } from '../../../training/step/gradient-program.ts'
import { tinyT5 } from '../../checkpoint/helpers.ts'

const CPU = 'CPUExecutionProvider'
const GPU = 'WebGpuExecutionProvider'
const steps = [{ begun: 1000, ended: 1020 }]

let t5: T5Config
let program: Program
/** Names of two ONNX nodes: the first block's feed-forward relu, and the loss. */
let names: { relu: string; loss: string }
beforeAll(async () => {
  t5 = (await tinyT5()).t5
  program = gradientProgram(t5, parseMethod({ method: 'lora' }), { target: 1, words: 2 })
  const relu = program.nodes.findIndex(({ op }) => op.name === 'relu')
  names = { relu: `${relu}.v30`, loss: `${program.nodes.indexOf(program.outputs.loss)}.v99` }
})

const node = (fields: Partial<TracedNode>): TracedNode => ({
  name: 'v0',
  opType: 'Relu',
  provider: GPU,
  start: 1,
  ms: 1,
  flops: 0,
  ...fields,
})

/** A call of 16 ms that was waited for during 18, with a run that began 5 ms into its session's clock. */
const call = (nodes: TracedNode[], dispatches: TracedNode[] = []): Call => ({
  program,
  thread: 0,
  symbols: {},
  begun: 1001,
  ended: 1019,
  fed: 2000,
  returned: 3000,
  trace: { start: 5, ms: 16, nodes, dispatches },
})

function profileOf(calls: Call[], device: 'cpu' | 'webgpu'): { profile: Profile; work: Work[] } {
  const work = workOf(calls)
  const all = { file: 'a.speedscope.json', device, threads: 1, steps, reviews: 8, calls, work, layers: layersOf(t5) }
  return { profile: summarize(all), work }
}

const row = <T extends { ms: number }>(rows: readonly T[], is: (row: T) => boolean): T => rows.find(is) as T

describe('a node is found again', () => {
  test('under the name that ONNX Runtime gives to what it fuses or copies, and not where it put it in itself', () => {
    const renamed = ['', '/MatMulAddFusion', '/MatMulScaleFusion/', '_token_3'].map((end) => `${names.relu}${end}`)
    const { work } = profileOf(
      [call([...renamed, 'Memcpy_token_3', 'Transpose'].map((name) => node({ name })))],
      'webgpu',
    )
    const place = { phase: 'forward', layer: 'encoder.block.0.layer.1.DenseReluDense' }
    expect(work.map((one) => one.place)).toEqual([place, place, place, place, undefined, undefined])
  })

  test('at the time at which it ran: the run is in the middle of the time that was waited for it', () => {
    const { work } = profileOf([call([node({ start: 7 })])], 'webgpu')
    expect(work[0].begun).toBeCloseTo(1001 + 1 + (7 - 5))
  })
})

describe('on a GPU', () => {
  const mixed = () =>
    call(
      [
        node({ name: names.relu, ms: 0.1 }),
        node({ name: names.loss, opType: 'ReduceSum', ms: 0.1 }),
        node({ name: 'v1', opType: 'Shape', provider: CPU, ms: 2 }),
      ],
      [node({ name: names.relu, start: 6, ms: 4 }), node({ name: names.loss, opType: 'ReduceSum', start: 10, ms: 3 })],
    )

  test("the device's times stand for those of its nodes, beside nodes that ran on the CPU", () => {
    const { profile, work } = profileOf([mixed()], 'webgpu')
    expect(work.map(({ lane }) => lane).sort()).toEqual(['GPU', 'GPU', 'thread 1'])
    expect(profile).toMatchObject({
      dispatches: 2,
      nodes: { [GPU]: 2, [CPU]: 1 },
      bytes_fed: 2000,
      bytes_returned: 3000,
    })
    expect(profile.by_op.map(({ op, ms }) => [op, ms])).toEqual([
      ['Relu', 4],
      ['ReduceSum', 3],
      ['Shape', 2],
      ['(between kernels)', 7],
      ['(no run)', 4],
    ])
    expect(row(profile.by_layer, ({ layer }) => layer === 'loss')).toMatchObject({ forward_ms: 3, share: 3 / 20 })
    expect(profileLines(profile)).toContain("2 dispatches a step, timed by the device's own clock")
  })

  test('without such times those of the orders are told, and it is said that they are', () => {
    const { profile } = profileOf([call([node({ name: names.relu, ms: 0.5 })])], 'webgpu')
    expect(row(profile.by_op, ({ op }) => op === 'Relu').ms).toBe(0.5)
    expect(profileLines(profile).join('\n')).toContain('the times of giving the orders')
  })

  test('work that outlasts its step keeps the tables adding up', () => {
    const { profile } = profileOf([call([], [node({ name: names.relu, ms: 50 })])], 'webgpu')
    for (const rows of [profile.by_op, profile.by_layer])
      expect(rows.reduce((sum, { ms }) => sum + ms, 0)).toBeCloseTo(profile.thread_ms)
    expect(profile.thread_ms).toBe(50)
  })
})

test('the speed of products counts the time of products alone, and what no layer has is told', () => {
  const product = { name: names.relu, opType: 'MatMul', provider: CPU, ms: 2, flops: 8e6 }
  const { profile } = profileOf([call([node(product), node({ name: 'Transpose', provider: CPU, ms: 5 })])], 'cpu')
  expect(profile.gflops).toBeCloseTo(4)
  expect(row(profile.by_op, ({ op }) => op === 'MatMul').gflops).toBeCloseTo(4)
  expect(profile.by_op.filter(({ gflops }) => gflops !== undefined)).toHaveLength(1)
  expect(profile.unattributed).toBeCloseTo(5 / 20)
  expect(row(profile.by_layer, ({ layer }) => layer === '(inserted by ONNX Runtime)').ms).toBe(5)
})
