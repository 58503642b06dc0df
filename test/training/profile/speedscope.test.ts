import { expect, test } from 'vitest'
import { speedscope } from '../../../training/profile/speedscope.ts'
import type { Work } from '../../../training/profile/work.ts'
import { totals } from './flame-graph.ts'

const steps = [
  { begun: 1000, ended: 1100 },
  { begun: 1100, ended: 1150 },
]

const work = (fields: Partial<Work>): Work => ({
  lane: 'thread 1',
  op: 'MatMul',
  place: { phase: 'forward', layer: 'head' },
  call: 0,
  begun: 1010,
  ms: 5,
  flops: 0,
  ...fields,
})

test('kernels stand in their step, phase and layer; those of a GPU in a graph of their own', () => {
  const graph = speedscope('name', steps, [
    work({ begun: 1010, ms: 10 }),
    work({ begun: 1020, ms: 4, op: 'Add' }),
    work({ begun: 1030, ms: 6, place: { phase: 'backward', layer: 'head' } }),
    work({ begun: 1110, ms: 3, call: 1 }),
    work({ begun: 1040, ms: 20, lane: 'GPU' }),
  ])
  expect(graph.profiles.map(({ name }) => name)).toEqual(['GPU', 'thread 1'])
  const spent = totals(graph)
  expect(spent('step 1', 'forward', 'head', 'MatMul')).toBeCloseTo(30)
  expect(spent('step 1', 'backward', 'head', 'MatMul')).toBeCloseTo(6)
  expect(spent('step 1', 'forward', 'head', 'Add')).toBeCloseTo(4)
  expect(spent('step 2', 'MatMul')).toBeCloseTo(3)
  expect(spent('step 1')).toBeCloseTo(200)
  expect(spent('step 2')).toBeCloseTo(100)
})

test('what ONNX Runtime put in itself has no layer, and the pause between two runs is of no phase', () => {
  const graph = speedscope('name', steps, [
    work({ begun: 1010, ms: 10, place: undefined, op: 'Transpose' }),
    work({ begun: 1030, ms: 5, call: 1 }),
    work({ begun: 1050, ms: 5, call: 2 }),
  ])
  const spent = totals(graph)
  expect(spent('step 1', 'inserted by ONNX Runtime', 'Transpose')).toBeCloseTo(10)
  expect(spent('forward')).toBeCloseTo(10)
})

test('times that overlap by their rounding, or outlast their step, still make a valid graph', () => {
  const graph = speedscope('name', steps, [
    work({ begun: 1010, ms: 10.001 }),
    work({ begun: 1020, ms: 1, op: 'Add' }),
    work({ begun: 1095, ms: 10, op: 'Mul' }),
    work({ begun: 1102, ms: 10, call: 1, op: 'Sub' }),
  ])
  const spent = totals(graph)
  expect(spent('Mul')).toBeCloseTo(10)
  expect(spent('step 1') + spent('step 2')).toBeCloseTo(150)
})
