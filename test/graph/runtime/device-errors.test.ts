import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../../core/catalogue.ts'
import { GraftError } from '../../../core/errors.ts'
import { toDeviceError } from '../../../graph/runtime/device-errors.ts'
import { onSoftwareVulkan, softwareVulkan } from '../../software-vulkan.ts'

/** Messages of Dawn and ONNX Runtime. */
const MESSAGES: [message: string, code: ErrorCode, excerpt: string][] = [
  [
    'WebGPU validation failed. [Invalid Buffer (unlabeled)] is invalid due to a previous error.\n - While validating entries[2]',
    'device_out_of_memory',
    'ran out of memory: it could not allocate a buffer: [Invalid Buffer (unlabeled)]',
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
    'was lost: Failed to download data from buffer',
  ],
  ['WebGPU validation failed. [Invalid ComputePipeline "MatMul"] is invalid', 'device_failed', 'ComputePipeline'],
  ['vkCreateComputePipelines failed with VK_ERROR_UNKNOWN', 'device_failed', 'VK_ERROR_UNKNOWN'],
]

describe('a device failure', () => {
  test.each(MESSAGES)('%j is %s', (message, code, excerpt) => {
    const cause = new Error(message)
    const error = toDeviceError(cause, 'webgpu') as GraftError
    expect(error).toBeInstanceOf(GraftError)
    expect(error.code).toBe(code)
    expect(error.message).toMatch(/^The webgpu device (was lost|ran out of memory|failed): /)
    expect(error.message).toContain(excerpt)
    expect(error.message).not.toMatch(/\n|onnxruntime_src/)
    expect(error.cause).toBe(cause)
  })

  test('says how to continue: with smaller micro-batches, from the saved state, and on the CPU only on request', () => {
    const fix = (message: string) => (toDeviceError(new Error(message), 'cuda') as GraftError).detail.fix
    expect(fix('out of memory')).toMatch(/smaller --micro-tokens.*the batch stays the same.*intact.*--resume/)
    expect(fix('Device lost')).toContain('--resume --device cpu')
  })

  test('that is unknown, or that is an error of Graft itself, is returned unchanged', () => {
    const strange = new Error('Invalid rank for input: a')
    expect(toDeviceError(strange, 'webgpu')).toBe(strange)
    const known = new GraftError('training_diverged', {
      subject: 'out of memory',
      expected: 'a',
      found: 'b',
      fix: 'c',
    })
    expect(toDeviceError(known, 'webgpu')).toBe(known)
  })

  test.skipIf(!softwareVulkan)(onSoftwareVulkan('that cannot allocate a tensor is reported as out of memory'), () => {
    const { stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, 'run-too-large.ts')], {
      encoding: 'utf8',
    })
    const { code, message } = JSON.parse(stdout || JSON.stringify({ message: stderr }))
    expect(code, message).toBe('device_out_of_memory')
    expect(message).toContain('--micro-tokens')
  })
})
