import { expect, test, vi } from 'vitest'
import { loadBase } from '../../checkpoint/base.ts'
import { embeddedBase } from '../../checkpoint/embedded-base.ts'
import { modelOf } from '../../model/architectures.ts'
import { type MethodConfig, parametersOf, parseMethod } from '../../model/methods/registry.ts'
import { dryRun } from '../../training/dry-run.ts'
import { gradientProgram } from '../../training/step/gradient-program.ts'
import { estimateMemory } from '../../training/step/memory-estimate.ts'
import { expectError } from '../checkpoint/helpers.ts'
import { runTraining, tinySpec } from './tiny.ts'

const MB = 2 ** 20

/** Limits the memory of this process, as far as it can tell, while the work runs. */
async function withMemory<T>(megabytes: number, work: () => Promise<T>): Promise<T> {
  const limit = vi.spyOn(process, 'constrainedMemory').mockReturnValue(megabytes * MB)
  try {
    return await work()
  } finally {
    limit.mockRestore()
  }
}

test('a training that needs more memory than the machine has is refused before its first step, and by a dry run', async () => {
  const spec = tinySpec({ device: 'cpu', threads: 1 })
  await withMemory(100, async () => {
    await expectError(runTraining(spec), 'training_too_large', 'at most 0.1 GB', 'about 0.2 GB for', 'micro_tokens')
    await expectError(
      dryRun(spec, () => {}),
      'training_too_large',
    )
  })
  await withMemory(500, () => dryRun(spec, () => {}))
})

const base = await loadBase(embeddedBase)
const model = modelOf(base)

/** Estimates a training on the embedded base whose steps have four micro-batches of this size. */
function estimate(method: MethodConfig, rows: number, source: number, threads = 1) {
  const objective = model.objective('labels', [1, 2])
  const micro = Array.from({ length: rows }, (_, row) => row)
  return estimateMemory({
    gradientProgram: gradientProgram(model, method, objective),
    weights: [...base.tensors.values()],
    trained: parametersOf(method, model),
    threads,
    columns: 0,
    steps: [[micro, micro.slice(1), micro, micro]],
    lengths: new Int32Array(rows).fill(source),
  })
}

const lora = parseMethod({ method: 'lora' })

// The peak of the resident memory of a training process with these sizes, after a step, in MB.
test.each([
  ['LoRA', lora, 10, 512, 1, 754],
  ['LoRA on two threads', lora, 10, 512, 2, 1308],
  ['LoRA in small micro-batches', lora, 2, 512, 1, 313],
  ['full fine-tuning', parseMethod({ method: 'full' }), 3, 512, 1, 554],
  ['full fine-tuning on two threads', parseMethod({ method: 'full' }), 10, 512, 2, 1645],
])('the estimate of %s is close to the measured memory', (_, method, rows, source, threads, measured) => {
  const { bytes } = estimate(method, rows, source, threads)
  expect(bytes / MB / measured).toBeGreaterThan(0.8)
  expect(bytes / MB / measured).toBeLessThan(1.2)
})

test('the estimate grows with the micro-batches and the threads that run them, but not with idle threads', () => {
  const one = estimate(lora, 8, 256)
  expect(one).toMatchObject({ rows: 8, source: 256, threads: 1 })
  expect(estimate(lora, 16, 256).bytes).toBeGreaterThan(1.2 * one.bytes)
  // Attention scores grow with the square of the length.
  expect(estimate(lora, 2, 1024).bytes).toBeGreaterThan(one.bytes)
  expect(estimate(lora, 8, 256, 4).bytes).toBeGreaterThan(1.5 * one.bytes)
  expect(estimate(lora, 8, 256, 64).bytes).toBe(estimate(lora, 8, 256, 4).bytes)
})
