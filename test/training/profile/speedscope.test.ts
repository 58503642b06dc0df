import { expect, test } from 'vitest'
import type { KernelRun } from '../../../training/profile/kernels.ts'
import { toSpeedscope } from '../../../training/profile/speedscope.ts'
import { readFlameGraph } from './flame-graph.ts'

const steps = [
  { start: 1000, end: 1100 },
  { start: 1100, end: 1150 },
]

const kernel = (fields: Partial<KernelRun>): KernelRun => ({
  lane: 'thread 1',
  op: 'MatMul',
  place: { phase: 'forward', layer: 'head' },
  call: 0,
  start: 1010,
  ms: 5,
  flops: 0,
  ...fields,
})

test('each kernel is in its step, phase and layer, and the kernels of a GPU have their own graph', () => {
  const graph = toSpeedscope('name', steps, [
    kernel({ start: 1010, ms: 10 }),
    kernel({ start: 1020, ms: 4, op: 'Add' }),
    kernel({ start: 1030, ms: 6, place: { phase: 'backward', layer: 'head' } }),
    kernel({ start: 1110, ms: 3, call: 1 }),
    kernel({ start: 1040, ms: 20, lane: 'GPU' }),
  ])
  expect(graph.profiles.map(({ name }) => name)).toEqual(['GPU', 'thread 1'])
  const spent = readFlameGraph(graph)
  expect(spent('step 1', 'forward', 'head', 'MatMul')).toBeCloseTo(30)
  expect(spent('step 1', 'backward', 'head', 'MatMul')).toBeCloseTo(6)
  expect(spent('step 1', 'forward', 'head', 'Add')).toBeCloseTo(4)
  expect(spent('step 2', 'MatMul')).toBeCloseTo(3)
  expect(spent('step 1')).toBeCloseTo(200)
  expect(spent('step 2')).toBeCloseTo(100)
})

test('a node that ONNX Runtime inserted has no layer, and the time between two runs has no phase', () => {
  const graph = toSpeedscope('name', steps, [
    kernel({ start: 1010, ms: 10, place: undefined, op: 'Transpose' }),
    kernel({ start: 1030, ms: 5, call: 1 }),
    kernel({ start: 1050, ms: 5, call: 2 }),
  ])
  const spent = readFlameGraph(graph)
  expect(spent('step 1', 'inserted by ONNX Runtime', 'Transpose')).toBeCloseTo(10)
  expect(spent('forward')).toBeCloseTo(10)
})

test('times that overlap because of rounding, or exceed their step, still make a valid graph', () => {
  const graph = toSpeedscope('name', steps, [
    kernel({ start: 1010, ms: 10.001 }),
    kernel({ start: 1020, ms: 1, op: 'Add' }),
    kernel({ start: 1095, ms: 10, op: 'Mul' }),
    kernel({ start: 1102, ms: 10, call: 1, op: 'Sub' }),
  ])
  const spent = readFlameGraph(graph)
  expect(spent('Mul')).toBeCloseTo(10)
  expect(spent('step 1') + spent('step 2')).toBeCloseTo(150)
})
