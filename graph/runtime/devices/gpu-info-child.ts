import { sendAnswer } from './query-child.ts'

/**
 * The answer of the package `webgpu`. It describes the same GPU that ONNX Runtime uses: both request the fastest one
 * from Dawn.
 */
export type GpuInfoAnswer =
  | { package: 'missing' }
  | { package: 'broken'; message: string }
  | { package: 'present'; gpu: GpuInfo | null }

/** Properties of a GPU, as WebGPU's `GPUAdapter` reports them. */
export interface GpuInfo {
  vendor: string
  architecture: string
  device: string
  description: string
  fallback: boolean
  f16: boolean
  storageBuffersPerStage: number
  bufferBytes: number
  storageBindingBytes: number
}

/**
 * Reads the properties of the GPU. It runs in its own process, because the package contains a second copy of Dawn and
 * two copies may conflict in one process.
 */
async function readGpuInfo(): Promise<GpuInfoAnswer> {
  const webgpu = await import('webgpu').catch((error: NodeJS.ErrnoException) => error)
  if (webgpu instanceof Error)
    return webgpu.code === 'ERR_MODULE_NOT_FOUND'
      ? { package: 'missing' }
      : { package: 'broken', message: webgpu.message.split('\n')[0] }
  const adapter = await webgpu.create([]).requestAdapter({ powerPreference: 'high-performance' })
  if (!adapter) return { package: 'present', gpu: null }
  const { info, limits, features } = adapter
  return {
    package: 'present',
    gpu: {
      vendor: info.vendor,
      architecture: info.architecture,
      device: info.device,
      description: info.description,
      fallback: info.isFallbackAdapter,
      f16: features.has('shader-f16'),
      storageBuffersPerStage: limits.maxStorageBuffersPerShaderStage,
      bufferBytes: limits.maxBufferSize,
      storageBindingBytes: limits.maxStorageBufferBindingSize,
    },
  }
}

sendAnswer(await readGpuInfo())
