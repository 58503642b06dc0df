import { describeCpu } from './cpu-device.ts'
import { describeCuda } from './cuda-device.ts'
import type { DeviceDescription } from './device-description.ts'
import { type Reason, whyNoAdapter } from './diagnose-webgpu.ts'
import { type NvidiaDriver, nvidiaDriver } from './gpu-hardware.ts'
import type { AdapterAnswer, AdapterFacts } from './gpu-info-child.ts'
import type { Measured, OpenAnswer } from './measure-child.ts'
import { askChild, type Outcome, type Surroundings, thisMachine } from './query-child.ts'

/** What WebGPU itself promises of every device: https://www.w3.org/TR/webgpu/#limits. Graft's programs need no more. */
const LEAST = { storage_buffers_per_stage: 8, buffer_bytes: 2 ** 28, storage_binding_bytes: 2 ** 27 }

/** SwiftShader, Mesa's and Microsoft's renderers, which compute on the CPU, slower than the CPU does by itself. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|\bwarp\b/i

/** All devices that Graft could train on, those that cannot be used with the reason. */
export async function describeDevices(surroundings: Surroundings = thisMachine()): Promise<DeviceDescription[]> {
  const cpu = describeCpu(surroundings)
  return [cpu, ...(await Promise.all([describeWebgpu(surroundings), describeCuda(surroundings)]))]
}

/** Opens ONNX Runtime's WebGPU provider, computes something small there, and asks Dawn what it is that computed. */
export async function describeWebgpu(surroundings: Surroundings = thisMachine()): Promise<DeviceDescription> {
  const { programs } = surroundings
  const [asked, opened, nvidia] = await Promise.all([
    askChild<AdapterAnswer>(programs.adapter, [], surroundings),
    askChild<OpenAnswer>(programs.measure, ['webgpu', 'open'], surroundings),
    nvidiaDriver(surroundings),
  ])
  const adapter = 'answer' in asked && asked.answer.package === 'present' ? asked.answer.adapter : null
  const known = adapter ? described(adapter) : { name: 'WebGPU' }
  const gpu = adapter?.vendor === 'nvidia' ? sameGpu(adapter, nvidia) : undefined
  const facts = { kind: 'webgpu' as const, ...known, ...(gpu && { name: gpu.name, memory_bytes: gpu.memoryBytes }) }
  const reason = whyNot(opened, surroundings) ?? (adapter ? tooSmall(described(adapter)) : undefined)
  if (reason) return { ...facts, usable: false, ...reason }
  return { ...facts, usable: true, ...(adapter ? {} : unknownAdapter(asked)) }
}

/** The speed of a device. @returns the reason where it could not be measured */
export async function measureDevice(
  device: 'cpu' | 'webgpu',
  surroundings: Surroundings = thisMachine(),
): Promise<Measured | string> {
  const outcome = await askChild<OpenAnswer>(surroundings.programs.measure, [device, 'measure'], surroundings)
  if (!('answer' in outcome)) return outcome.failure
  if ('failure' in outcome.answer) return outcome.answer.failure
  return outcome.answer.measured ?? 'it sent no figures'
}

/** Dawn writes a name in small letters with dashes. */
function sameGpu({ device }: AdapterFacts, driver: NvidiaDriver | undefined) {
  const gpus = driver?.gpus ?? []
  const spelt = (name: string) => name.toLowerCase().replace(/[^a-z0-9]+/g, '-')
  return gpus.length === 1 ? gpus[0] : gpus.find(({ name }) => device !== '' && spelt(name) === spelt(device))
}

function described({ vendor, architecture, device, description, fallback, ...adapter }: AdapterFacts) {
  const words = [vendor, architecture, device, description]
  return {
    name: nameOf(architecture, device) || description || vendor,
    vendor,
    driver: description,
    software: fallback || words.some((word) => SOFTWARE.test(word)),
    f16: adapter.f16,
    limits: {
      storage_buffers_per_stage: adapter.storageBuffersPerStage,
      buffer_bytes: adapter.bufferBytes,
      storage_binding_bytes: adapter.storageBindingBytes,
    },
  }
}

/** Dawn's names are small words with dashes; the device often has the architecture in its own. */
const nameOf = (architecture: string, device: string): string =>
  (device.includes(architecture) ? device : `${architecture} ${device}`).replace(/^[- ]+|[- ]+$/g, '')

function whyNot(opened: Outcome<OpenAnswer>, surroundings: Surroundings): Reason | undefined {
  if (!('answer' in opened))
    return {
      why: `the process that opened the GPU failed: ${opened.failure}`,
      fix: "Update the GPU's driver, or restart the machine where it hung before; --device cpu works meanwhile.",
    }
  const { answer, stderr } = opened
  if (!answer.supported.includes('webgpu'))
    return {
      why: `onnxruntime-node has no WebGPU provider for ${process.platform} on ${process.arch}`,
      fix: 'Use --device cpu. The provider is there for Linux on x64, for Windows, and for macOS on Apple silicon.',
    }
  if (!('failure' in answer)) return undefined
  if (/Failed to get a WebGPU adapter/.test(answer.failure)) return whyNoAdapter(stderr, surroundings)
  return { why: answer.failure, fix: "Update the GPU's driver; --device cpu works meanwhile." }
}

function tooSmall({ limits }: ReturnType<typeof described>): Reason | undefined {
  const [name, least] = Object.entries(LEAST).find(([key, value]) => limits[key as keyof typeof LEAST] < value) ?? []
  return name === undefined
    ? undefined
    : {
        why: `its limit ${name} is ${limits[name as keyof typeof LEAST]}, and Graft needs ${least}`,
        fix: 'It is too small a device; use --device cpu.',
      }
}

/** ONNX Runtime computes on it, but tells nothing of it. */
function unknownAdapter(asked: Outcome<AdapterAnswer>): Reason {
  return {
    why: `which GPU it is, its limits and whether it has f16 are not known: ${silence(asked)}`,
    fix: 'Install the package that tells, with: npm install --no-save webgpu@0.6.2',
  }
}

function silence(asked: Outcome<AdapterAnswer>): string {
  if (!('answer' in asked)) return `the process that asked failed: ${asked.failure}`
  if (asked.answer.package === 'missing') return 'the package webgpu is not installed'
  if (asked.answer.package === 'broken') return `the package webgpu cannot be loaded: ${asked.answer.message}`
  return 'the package webgpu sees none'
}
