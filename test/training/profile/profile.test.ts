import { beforeAll, describe, expect, test } from 'vitest'
import { formatProfile } from '../../../cli/lines/profile.ts'
import type { Program } from '../../../graph/program.ts'
import type { TracedNode } from '../../../graph/runtime/trace.ts'
import type { Call } from '../../../graph/runtime/traced-pool.ts'
import type { Model } from '../../../model/architecture.ts'
import { modelOf } from '../../../model/architectures.ts'
import { parseMethod } from '../../../model/methods/registry.ts'
import { type KernelRun, kernelRunsOf } from '../../../training/profile/kernels.ts'
import { layersOf } from '../../../training/profile/places.ts'
import { type Profile, summarizeProfile } from '../../../training/profile/profile.ts'
import { gradientProgram } from '../../../training/step/gradient-program.ts'
import { tinyT5 } from '../../checkpoint/helpers.ts'

const CPU = 'CPUExecutionProvider'
const GPU = 'WebGpuExecutionProvider'
const steps = [{ start: 1000, end: 1020 }]

let model: Model
let program: Program
/** The names of two ONNX nodes: the relu in the feed-forward layer of the first block, and the loss. */
let names: { relu: string; loss: string }
beforeAll(async () => {
  model = modelOf(await tinyT5())
  program = gradientProgram(model, parseMethod({ method: 'lora' }), model.objective('labels', [0, 1]))
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

/** A call that took its caller 18 ms. Its run took 16 ms and started 5 ms after the origin of its session's clock. */
const call = (nodes: TracedNode[], dispatches: TracedNode[] = []): Call => ({
  program,
  thread: 0,
  symbols: {},
  start: 1001,
  end: 1019,
  bytesFed: 2000,
  bytesReturned: 3000,
  trace: { start: 5, ms: 16, nodes, dispatches },
})

function profileOf(calls: Call[], device: 'cpu' | 'webgpu'): { profile: Profile; kernels: KernelRun[] } {
  const kernels = kernelRunsOf(calls)
  const layers = layersOf(model)
  const measurements = { file: 'a.speedscope.json', device, threads: 1, steps, examples: 8, calls, kernels, layers }
  return { profile: summarizeProfile(measurements), kernels }
}

const findRow = <T extends { ms: number }>(rows: readonly T[], matches: (row: T) => boolean): T =>
  rows.find(matches) as T

describe('a node is attributed', () => {
  test('to its place even if ONNX Runtime fused or copied it, but not if ONNX Runtime inserted it', () => {
    const renamed = ['', '/MatMulAddFusion', '/MatMulScaleFusion/', '_token_3'].map((end) => `${names.relu}${end}`)
    const { kernels } = profileOf(
      [call([...renamed, 'Memcpy_token_3', 'Transpose'].map((name) => node({ name })))],
      'webgpu',
    )
    const place = { phase: 'forward', layer: 'encoder.block.0.layer.1.DenseReluDense' }
    expect(kernels.map(({ place }) => place)).toEqual([place, place, place, place, undefined, undefined])
  })

  test('to the time at which it ran, if the run is in the middle of the call', () => {
    const { kernels } = profileOf([call([node({ start: 7 })])], 'webgpu')
    expect(kernels[0].start).toBeCloseTo(1001 + 1 + (7 - 5))
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

  test('the times of the GPU replace those of its nodes, and nodes on the CPU keep theirs', () => {
    const { profile, kernels } = profileOf([mixed()], 'webgpu')
    expect(kernels.map(({ lane }) => lane).sort()).toEqual(['GPU', 'GPU', 'thread 1'])
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
    expect(findRow(profile.by_layer, ({ layer }) => layer === 'loss')).toMatchObject({ forward_ms: 3, share: 3 / 20 })
    expect(formatProfile(profile)).toContain("2 dispatches per step, timed by the device's own clock.")
  })

  test('without timestamps, the profile has the times of submission, and says so', () => {
    const { profile } = profileOf([call([node({ name: names.relu, ms: 0.5 })])], 'webgpu')
    expect(findRow(profile.by_op, ({ op }) => op === 'Relu').ms).toBe(0.5)
    expect(formatProfile(profile).join('\n')).toContain('the times of its nodes cover only the submission of the work')
  })

  test('the tables sum to the total time even if the GPU works longer than the step', () => {
    const { profile } = profileOf([call([], [node({ name: names.relu, ms: 50 })])], 'webgpu')
    for (const rows of [profile.by_op, profile.by_layer])
      expect(rows.reduce((sum, { ms }) => sum + ms, 0)).toBeCloseTo(profile.thread_ms)
    expect(profile.thread_ms).toBe(50)
  })
})

test('the speed counts only the time of matrix products, and the share without a layer is reported', () => {
  const product = { name: names.relu, opType: 'MatMul', provider: CPU, ms: 2, flops: 8e6 }
  const { profile } = profileOf([call([node(product), node({ name: 'Transpose', provider: CPU, ms: 5 })])], 'cpu')
  expect(profile.gflops).toBeCloseTo(4)
  expect(findRow(profile.by_op, ({ op }) => op === 'MatMul').gflops).toBeCloseTo(4)
  expect(profile.by_op.filter(({ gflops }) => gflops !== undefined)).toHaveLength(1)
  expect(profile.unattributed).toBeCloseTo(5 / 20)
  expect(findRow(profile.by_layer, ({ layer }) => layer === '(inserted by ONNX Runtime)').ms).toBe(5)
})
