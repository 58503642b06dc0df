import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../../core/catalogue.ts'
import { GraftError } from '../../../core/errors.ts'
import { deviceError } from '../../../graph/runtime/device-errors.ts'
import { onSoftwareVulkan, softwareVulkan } from '../../software-vulkan.ts'

/** As Dawn and ONNX Runtime write them. */
const MESSAGES: [message: string, code: ErrorCode, found: string][] = [
  [
    'WebGPU validation failed. [Invalid Buffer (unlabeled)] is invalid due to a previous error.\n - While validating entries[2]',
    'device_out_of_memory',
    'found a buffer that the device could not make: [Invalid Buffer (unlabeled)]',
  ],
  ['vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY', 'device_out_of_memory', 'vkAllocateMemory'],
  ['Buffer size (2500000000) exceeds the max buffer size limit (1073741824).', 'device_out_of_memory', '2500000000'],
  [
    'bfc_arena.cc:376 BFCArena: Failed to allocate memory for requested buffer of size 65536',
    'device_out_of_memory',
    '65536',
  ],
  ['CUDA failure 2: out of memory ; GPU=0 ; hostname=a', 'device_out_of_memory', 'CUDA failure 2'],
  ['vkQueueSubmit failed with VK_ERROR_DEVICE_LOST', 'device_lost', 'vkQueueSubmit'],
  ['WebGPU device lost (2): the driver was reset', 'device_lost', 'the driver was reset'],
  ['WebGPU validation failed. [Device] is lost.', 'device_lost', '[Device] is lost'],
  [
    '/onnxruntime_src/onnxruntime/core/providers/webgpu/buffer_manager.cc:600 Download map_async_result.status == wgpu::MapAsyncStatus::Success was false. Failed to download data from buffer. wgpu::MapAsyncStatus value: 3',
    'device_lost',
    'found Failed to download data from buffer',
  ],
  ['WebGPU validation failed. [Invalid ComputePipeline "MatMul"] is invalid', 'device_failed', 'ComputePipeline'],
  ['vkCreateComputePipelines failed with VK_ERROR_UNKNOWN', 'device_failed', 'VK_ERROR_UNKNOWN'],
]

describe('a failure of the device', () => {
  test.each(MESSAGES)('%j is %s', (message, code, found) => {
    const cause = new Error(message)
    const error = deviceError(cause, 'webgpu') as GraftError
    expect(error).toBeInstanceOf(GraftError)
    expect(error.code).toBe(code)
    expect(error.message).toContain('--device webgpu: expected')
    expect(error.message).toContain(found)
    expect(error.message).not.toMatch(/\n|onnxruntime_src/)
    expect(error.cause).toBe(cause)
  })

  test('tells how to go on: with smaller parts, from the saved state, on the CPU only if asked to', () => {
    const fix = (message: string) => (deviceError(new Error(message), 'cuda') as GraftError).detail.fix
    expect(fix('out of memory')).toMatch(/smaller --micro-tokens.*the batch stays the same.*intact.*--resume/)
    expect(fix('Device lost')).toContain('--resume --device cpu')
  })

  test('that is not understood, or is Graft’s own, passes unchanged', () => {
    const strange = new Error('Invalid rank for input: a')
    expect(deviceError(strange, 'webgpu')).toBe(strange)
    const known = new GraftError('training_diverged', {
      subject: 'out of memory',
      expected: 'a',
      found: 'b',
      fix: 'c',
    })
    expect(deviceError(known, 'webgpu')).toBe(known)
  })

  test.skipIf(!softwareVulkan)(onSoftwareVulkan('that has no room for a tensor is told as one of memory'), () => {
    const { stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, 'run-too-large.ts')], {
      encoding: 'utf8',
    })
    const { code, message } = JSON.parse(stdout || JSON.stringify({ message: stderr }))
    expect(code, message).toBe('device_out_of_memory')
    expect(message).toContain('--micro-tokens')
  })
})
