import type { ErrorCode } from '../../core/catalogue.ts'
import { GraftError } from '../../core/errors.ts'
import type { DeviceKind } from './devices/device-description.ts'

interface DeviceFailure {
  code: ErrorCode
  /** Matches the messages of Dawn (Vulkan, Direct3D 12, Metal), CUDA and ONNX Runtime. */
  pattern: RegExp
  problem: string
  fix: string
}

/** The known failures in matching order: a device that was lost because its memory ran out counts as lost. */
const DEVICE_FAILURES: readonly DeviceFailure[] = [
  {
    code: 'device_lost',
    pattern:
      /\bis lost\b|device (?:was )?lost|VK_ERROR_DEVICE_LOST|DXGI_ERROR_DEVICE_(?:REMOVED|HUNG|RESET)|cudaErrorDevicesUnavailable|MapAsyncStatus value: \d/i,
    problem: 'was lost',
    fix: 'Its driver was reset or the GPU was removed. Continue from the last saved state with --resume, or on the CPU with --resume --device cpu.',
  },
  {
    code: 'device_out_of_memory',
    pattern:
      /VK_ERROR_OUT_OF_(?:DEVICE|HOST|POOL)_MEMORY|E_OUTOFMEMORY|out of memory|Failed to allocate memory|bad_alloc|CUBLAS_STATUS_ALLOC_FAILED|exceeds the max buffer size|\[Invalid Buffer[^\]]*\] is invalid due to a previous error/i,
    problem: 'ran out of memory',
    fix: 'Use a smaller --micro-tokens: the batch stays the same, but its gradients are accumulated over smaller parts. The last saved state is intact; continue with --resume.',
  },
  {
    code: 'device_failed',
    pattern:
      /WebGPU (?:validation failed|device error)|Failed to get a WebGPU (?:adapter|device)|Failed to create a WebGPU compute pipeline|exceeds WebGPU maximum|VK_ERROR_\w+|DXGI_ERROR_\w+|CUDA failure|CUDNN_STATUS_\w+|CUBLAS_STATUS_\w+/i,
    problem: 'failed',
    fix: 'Update the GPU driver, or continue from the last saved state with --resume --device cpu. Please report this message.',
  },
]

/**
 * Converts a failure of ONNX Runtime to an error that says how to continue: `device_lost`, `device_out_of_memory` or
 * `device_failed`. Returns errors with an unknown message, and Graft's own errors, unchanged.
 */
export function toDeviceError(error: Error, device: DeviceKind): Error {
  if (error instanceof GraftError) return error
  const failure = DEVICE_FAILURES.find(({ pattern }) => pattern.test(error.message))
  if (!failure) return error
  const { code, problem, fix } = failure
  const subject = `the ${device} device`
  return new GraftError(code, { subject, problem: `${problem}: ${toFirstSentence(error.message)}`, fix }, error)
}

/** Returns the first sentence of a message, without the source location of ONNX Runtime and the call stack of Dawn. */
function toFirstSentence(message: string): string {
  const [line] = message.replace(/^\S*\/onnxruntime_src\/\S+ .*? was false\. /s, '').split('\n')
  const sentence = line.trim().replace(/\.$/, '')
  // Dawn reports the missing memory only on stderr. The error that it throws says that the buffer is invalid.
  return sentence.replace(/^WebGPU validation failed\. (?=\[Invalid Buffer)/, 'it could not allocate a buffer: ')
}
