import { answer } from './query-child.ts'

/** What the package `webgpu` tells of the adapter that ONNX Runtime takes, too: both ask Dawn for the fastest one. */
export type AdapterAnswer =
  | { package: 'missing' }
  | { package: 'broken'; message: string }
  | { package: 'present'; adapter: AdapterFacts | null }

export interface AdapterFacts {
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

// A process of its own: the package brings a second Dawn, and two in one process are not to be trusted.
async function adapterFacts(): Promise<AdapterAnswer> {
  const webgpu = await import('webgpu').catch((error: NodeJS.ErrnoException) => error)
  if (webgpu instanceof Error)
    return webgpu.code === 'ERR_MODULE_NOT_FOUND'
      ? { package: 'missing' }
      : { package: 'broken', message: webgpu.message.split('\n')[0] }
  const adapter = await webgpu.create([]).requestAdapter({ powerPreference: 'high-performance' })
  if (!adapter) return { package: 'present', adapter: null }
  const { info, limits, features } = adapter
  return {
    package: 'present',
    adapter: {
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

answer(await adapterFacts())
