import type { ErrorCode } from '../../core/catalogue.ts'
import { GraftError } from '../../core/errors.ts'
import type { DeviceKind } from './devices/device-description.ts'

interface Meaning {
  code: ErrorCode
  /** What Dawn (Vulkan, Direct3D 12, Metal), CUDA and ONNX Runtime write. */
  says: RegExp
  problem: string
  fix: string
}

/** In the order in which they are tried: a device that was lost for lack of memory is lost. */
const MEANINGS: readonly Meaning[] = [
  {
    code: 'device_lost',
    says: /\bis lost\b|device (?:was )?lost|VK_ERROR_DEVICE_LOST|DXGI_ERROR_DEVICE_(?:REMOVED|HUNG|RESET)|cudaErrorDevicesUnavailable|MapAsyncStatus value: \d/i,
    problem: 'was lost',
    fix: 'Its driver was reset or the GPU was removed. Continue from the last saved state with --resume, or on the CPU with --resume --device cpu.',
  },
  {
    code: 'device_out_of_memory',
    says: /VK_ERROR_OUT_OF_(?:DEVICE|HOST|POOL)_MEMORY|E_OUTOFMEMORY|out of memory|Failed to allocate memory|bad_alloc|CUBLAS_STATUS_ALLOC_FAILED|exceeds the max buffer size|\[Invalid Buffer[^\]]*\] is invalid due to a previous error/i,
    problem: 'ran out of memory',
    fix: 'Use a smaller --micro-tokens: the batch stays the same, but its gradients are accumulated over smaller parts. The last saved state is intact; continue with --resume.',
  },
  {
    code: 'device_failed',
    says: /WebGPU (?:validation failed|device error)|Failed to get a WebGPU (?:adapter|device)|Failed to create a WebGPU compute pipeline|exceeds WebGPU maximum|VK_ERROR_\w+|DXGI_ERROR_\w+|CUDA failure|CUDNN_STATUS_\w+|CUBLAS_STATUS_\w+/i,
    problem: 'failed',
    fix: "Update the GPU's driver, or continue from the last saved state with --resume --device cpu. Please report it with this message.",
  },
]

/**
 * What a failure of ONNX Runtime means, as an error that tells how to go on: `device_lost`, `device_out_of_memory` or `device_failed`. An error
 * whose message is not understood, or that is Graft's own, comes back as it is.
 */
export function deviceError(error: Error, device: DeviceKind): Error {
  if (error instanceof GraftError) return error
  const meaning = MEANINGS.find(({ says }) => says.test(error.message))
  if (!meaning) return error
  const { code, problem, fix } = meaning
  const subject = `the ${device} device`
  return new GraftError(code, { subject, problem: `${problem}: ${firstSentence(error.message)}`, fix }, error)
}

/** Without the place in ONNX Runtime's sources, and without the stack of calls that Dawn adds. */
function firstSentence(message: string): string {
  const [line] = message.replace(/^\S*\/onnxruntime_src\/\S+ .*? was false\. /s, '').split('\n')
  const sentence = line.trim().replace(/\.$/, '')
  // Dawn tells of the missing memory on stderr alone; what is thrown is that the buffer cannot be used.
  return sentence.replace(
    /^WebGPU validation failed\. (?=\[Invalid Buffer)/,
    'a buffer that the device could not make: ',
  )
}
