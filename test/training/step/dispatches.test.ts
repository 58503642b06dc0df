import { expect, test } from 'vitest'
import { loadBase } from '../../../checkpoint/base.ts'
import { embeddedBase } from '../../../checkpoint/embedded-base.ts'
import { lowerToGraph } from '../../../graph/onnx/lower.ts'
import type { Program } from '../../../graph/program.ts'
import type { Device } from '../../../graph/runtime/device.ts'
import { modelOf } from '../../../model/architectures.ts'
import { parametersOf, parseMethod } from '../../../model/methods/registry.ts'
import { openDeviceStepper } from '../../../training/step/device-stepper.ts'
import { gradientProgram } from '../../../training/step/gradient-program.ts'
import { allocateMoments } from '../../../training/step/optimizer.ts'
import { allocatePacked } from '../../../training/step/packed-tensors.ts'

const model = modelOf(await loadBase(embeddedBase))

/** Nodes that only change a shape. ONNX Runtime dispatches nothing for them, and one shader for most others. */
const FREE = ['Reshape', 'Squeeze', 'Unsqueeze', 'Identity']

/** Returns the number of ONNX nodes that a training step runs on a GPU: the gradient and AdamW. */
async function countNodes(given: Parameters<typeof parseMethod>[0]): Promise<number> {
  const method = parseMethod(given)
  const objective = model.objective('labels', [1465, 2841])
  const parameters = parametersOf(method, model)
  const { vector, views } = allocatePacked(parameters)
  const programs: Program[] = []
  /** A device that only records the programs it is given. */
  const device = {
    allocate: () => ({}),
    write: () => {},
    load: async (program: Program) => {
      programs.push(program)
      return {}
    },
  } as unknown as Device
  await openDeviceStepper(device, {
    gradientProgram: gradientProgram(model, method, objective),
    parameters,
    vectors: allocateMoments(vector),
    values: views,
    bound: objective.constants,
    optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradNorm: 1 },
    precision: 'f32',
  })
  expect(programs).toHaveLength(2)
  return programs
    .flatMap((program) => lowerToGraph(program, 'webgpu', { symbols: { batch: 2, source: 16 } }).nodes)
    .filter(({ opType }) => !FREE.includes(opType)).length
}

test.each([
  [{ method: 'lora', rank: 8, alpha: 16 }, 1000],
  [{ method: 'bottleneck', bottleneck: 8, variant: 'seq_bn' }, 900],
  [{ method: 'soft-prompt', tokens: 10 }, 800],
  [{ method: 'full' }, 1350],
])('a step of %j on WebGPU has fewer than %d nodes that compute', async (method, limit) => {
  expect(await countNodes(method)).toBeLessThan(limit)
})
