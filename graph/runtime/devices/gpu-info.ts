import { describeCpu } from './cpu-device.ts'
import { describeCuda } from './cuda-device.ts'
import type { DeviceDescription } from './device-description.ts'
import { type Diagnosis, diagnoseWebgpu } from './diagnose-webgpu.ts'
import { type NvidiaDriver, queryNvidiaDriver } from './gpu-hardware.ts'
import type { GpuInfo, GpuInfoAnswer } from './gpu-info-child.ts'
import type { Measurement, OpenAnswer } from './measure-child.ts'
import { type ChildOutcome, type HostEnvironment, queryChild, thisHost } from './query-child.ts'

/**
 * The limits that WebGPU guarantees on every device (https://www.w3.org/TR/webgpu/#limits), which are enough for
 * Graft's programs.
 */
const MIN_LIMITS = { storage_buffers_per_stage: 8, buffer_bytes: 2 ** 28, storage_binding_bytes: 2 ** 27 }

/**
 * The renderers of SwiftShader, Mesa and Microsoft. They compute on the CPU, and are slower there than ONNX Runtime.
 */
const SOFTWARE_RENDERERS = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|\bwarp\b/i

/** Describes all devices of this machine. The description of a device that cannot be used includes the reason. */
export async function describeDevices(host: HostEnvironment = thisHost()): Promise<DeviceDescription[]> {
  const cpu = describeCpu(host)
  return [cpu, ...(await Promise.all([describeWebgpu(host), describeCuda(host)]))]
}

/** Opens ONNX Runtime's WebGPU provider, checks a small computation, and queries Dawn for the properties of the GPU. */
export async function describeWebgpu(host: HostEnvironment = thisHost()): Promise<DeviceDescription> {
  const { programs } = host
  const [info, opened, nvidia] = await Promise.all([
    queryChild<GpuInfoAnswer>(programs.gpuInfo, [], host),
    queryChild<OpenAnswer>(programs.measure, ['webgpu', 'open'], host),
    queryNvidiaDriver(host),
  ])
  const gpu = 'answer' in info && info.answer.package === 'present' ? info.answer.gpu : null
  const description = gpu && toDescription(gpu)
  const driverGpu = gpu?.vendor === 'nvidia' ? findDriverGpu(gpu, nvidia) : undefined
  const known = {
    kind: 'webgpu' as const,
    ...(description ?? { name: 'WebGPU' }),
    ...(driverGpu && { name: driverGpu.name, memory_bytes: driverGpu.memoryBytes }),
  }
  const diagnosis = diagnoseOpening(opened, host) ?? (description ? diagnoseLimits(description) : undefined)
  if (diagnosis) return { ...known, usable: false, ...diagnosis }
  return { ...known, usable: true, ...(gpu ? {} : explainUnknownGpu(info)) }
}

/** Measures the speed of a device. Returns the reason as a string if it cannot be measured. */
export async function measureDevice(
  device: 'cpu' | 'webgpu',
  host: HostEnvironment = thisHost(),
): Promise<Measurement | string> {
  const outcome = await queryChild<OpenAnswer>(host.programs.measure, [device, 'measure'], host)
  if (!('answer' in outcome)) return outcome.failure
  if ('failure' in outcome.answer) return outcome.answer.failure
  return outcome.answer.measurement ?? 'it sent no measurement'
}

/** Finds a GPU among those that NVIDIA's driver reports. Dawn writes names in lower case with dashes. */
function findDriverGpu({ device }: GpuInfo, driver: NvidiaDriver | undefined) {
  const gpus = driver?.gpus ?? []
  const normalize = (name: string) => name.toLowerCase().replace(/[^a-z0-9]+/g, '-')
  return gpus.length === 1 ? gpus[0] : gpus.find(({ name }) => device !== '' && normalize(name) === normalize(device))
}

function toDescription({ vendor, architecture, device, description, fallback, ...gpu }: GpuInfo) {
  const words = [vendor, architecture, device, description]
  return {
    name: nameOf(architecture, device) || description || vendor,
    vendor,
    driver: description,
    software: fallback || words.some((word) => SOFTWARE_RENDERERS.test(word)),
    f16: gpu.f16,
    limits: {
      storage_buffers_per_stage: gpu.storageBuffersPerStage,
      buffer_bytes: gpu.bufferBytes,
      storage_binding_bytes: gpu.storageBindingBytes,
    },
  }
}

/** Joins Dawn's names of the architecture and the device, which often already contains the architecture. */
const nameOf = (architecture: string, device: string): string =>
  (device.includes(architecture) ? device : `${architecture} ${device}`).replace(/^[- ]+|[- ]+$/g, '')

function diagnoseOpening(opened: ChildOutcome<OpenAnswer>, host: HostEnvironment): Diagnosis | undefined {
  if (!('answer' in opened))
    return {
      reason: `the process that opened the GPU failed: ${opened.failure}`,
      fix: 'Update the GPU driver. If it hung before, restart the machine. Until then, use --device cpu.',
    }
  const { answer, stderr } = opened
  if (!answer.supported.includes('webgpu'))
    return {
      reason: `onnxruntime-node has no WebGPU provider for ${process.platform} on ${process.arch}`,
      fix: 'Use --device cpu. The provider exists for Linux on x64, for Windows, and for macOS on Apple silicon.',
    }
  if (!('failure' in answer)) return undefined
  if (/Failed to get a WebGPU adapter/.test(answer.failure)) return diagnoseWebgpu(stderr, host)
  return { reason: answer.failure, fix: 'Update the GPU driver. Until then, use --device cpu.' }
}

function diagnoseLimits({ limits }: ReturnType<typeof toDescription>): Diagnosis | undefined {
  const [name, minimum] =
    Object.entries(MIN_LIMITS).find(([key, value]) => limits[key as keyof typeof MIN_LIMITS] < value) ?? []
  return name === undefined
    ? undefined
    : {
        reason: `its limit ${name} is ${limits[name as keyof typeof MIN_LIMITS]}, but Graft needs ${minimum}`,
        fix: 'Use --device cpu. This GPU is too small for Graft.',
      }
}

/** Explains a GPU that ONNX Runtime can use, but whose properties are unknown. */
function explainUnknownGpu(info: ChildOutcome<GpuInfoAnswer>): Diagnosis {
  return {
    reason: `the name, the limits and the f16 support of the GPU are unknown: ${explainMissingInfo(info)}`,
    fix: 'Install the package that reports them: npm install --no-save webgpu@0.6.2',
  }
}

function explainMissingInfo(info: ChildOutcome<GpuInfoAnswer>): string {
  if (!('answer' in info)) return `the process that queries it failed: ${info.failure}`
  if (info.answer.package === 'missing') return 'the package webgpu is not installed'
  if (info.answer.package === 'broken') return `the package webgpu cannot be loaded: ${info.answer.message}`
  return 'the package webgpu finds no GPU'
}
