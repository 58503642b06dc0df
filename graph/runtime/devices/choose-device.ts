import { fail } from '../../../core/errors.ts'
import { describeCuda } from './cuda-device.ts'
import type { DeviceDescription, DeviceKind, Precision } from './device-description.ts'
import { readGpuHardware } from './gpu-hardware.ts'
import { describeWebgpu, measureDevice } from './gpu-info.ts'
import type { Measurement } from './measure-child.ts'
import { type HostEnvironment, thisHost } from './query-child.ts'

/** A requested device. `auto` chooses the fastest one. */
export type DeviceRequest = 'auto' | DeviceKind

/** The device to train on, and the reason in one sentence. */
export interface DeviceChoice {
  device: DeviceKind
  reason: string
}

/**
 * Chooses the device to train on. A device that is requested by name is never replaced by another. `auto` chooses
 * WebGPU if it is a real GPU that multiplies matrices faster than the CPU, and otherwise the CPU. On Linux, `auto`
 * skips the measurement without a device file of a GPU.
 * @throws GraftError `device_unavailable` if the requested device cannot be used, `precision_unsupported` if it does
 * not support the precision
 */
export async function chooseDevice(
  requested: DeviceRequest,
  precision: Precision,
  host: HostEnvironment = thisHost(),
): Promise<DeviceChoice> {
  if (precision === 'int8-frozen') return chooseForInt8(requested)
  if (requested === 'auto') return precision === 'f16' ? chooseForF16(host) : chooseForF32(host)
  if (requested === 'cpu') {
    if (precision === 'f16')
      throwNoF16('the CPU', 'Use --precision f32, or a GPU that supports f16. To list devices, run: graft devices')
    return { device: 'cpu', reason: 'The CPU was requested.' }
  }
  const device = await (requested === 'webgpu' ? describeWebgpu : describeCuda)(host)
  if (!device.usable) throwUnavailable(`--device ${requested}`, device)
  if (precision === 'f16' && !device.f16) throwNoF16(device.name, fixForF16(device))
  return { device: requested, reason: `${device.name} was requested.` }
}

/** Only the CPU has kernels for products of integers. */
function chooseForInt8(requested: DeviceRequest): DeviceChoice {
  if (requested === 'cpu') return { device: 'cpu', reason: 'The CPU was requested.' }
  if (requested === 'auto') return chooseCpu('int8-frozen needs it')
  return fail('precision_unsupported', {
    subject: '--precision int8-frozen',
    problem: `needs the CPU, not ${requested}`,
    fix: 'Use --device cpu, or another precision.',
  })
}

async function chooseForF32(host: HostEnvironment): Promise<DeviceChoice> {
  if (hasNoGpuFile(host)) return chooseCpu('this machine has no GPU')
  return chooseAutomatically(await describeWebgpu(host), (device) => measureDevice(device, host))
}

/**
 * Chooses between the CPU and a WebGPU device.
 * @param measure returns the speed of a device, or the reason that it cannot be measured. Called only if the speed
 * decides, for one device after the other.
 */
export async function chooseAutomatically(
  gpu: DeviceDescription,
  measure: (device: 'cpu' | 'webgpu') => Promise<Measurement | string>,
): Promise<DeviceChoice> {
  if (!gpu.usable) return chooseCpu(`no GPU can be used: ${gpu.reason}`)
  if (gpu.software) return chooseCpu(`${gpu.name} is a software renderer, which also computes on the CPU`)
  if (gpu.software === undefined) return chooseCpu(String(gpu.reason))
  const [webgpuSpeed, cpuSpeed] = [await measure('webgpu'), await measure('cpu')]
  if (typeof webgpuSpeed === 'string')
    return chooseCpu(`the speed of ${gpu.name} could not be measured: ${webgpuSpeed}`)
  if (typeof cpuSpeed === 'string') return chooseCpu(`the speed of the CPU could not be measured: ${cpuSpeed}`)
  const figures = `${webgpuSpeed.gflops.toFixed(0)} GFLOP/s against ${cpuSpeed.gflops.toFixed(0)}`
  return webgpuSpeed.gflops > cpuSpeed.gflops
    ? { device: 'webgpu', reason: `${gpu.name} multiplies matrices faster than the CPU: ${figures}.` }
    : chooseCpu(`${gpu.name} does not multiply matrices faster: ${figures}`)
}

const chooseCpu = (cause: string): DeviceChoice => ({
  device: 'cpu',
  reason: `Training uses the CPU because ${cause}.`,
})

/** Chooses a GPU that supports f16. Compares no speeds, because the CPU does not support f16. */
async function chooseForF16(host: HostEnvironment): Promise<DeviceChoice> {
  const gpu = await describeWebgpu(host)
  if (gpu.usable && gpu.f16 && !gpu.software)
    return { device: 'webgpu', reason: `${gpu.name} supports f16, which the CPU does not.` }
  return throwNoF16(
    gpu.usable ? `the CPU and ${gpu.name}` : 'the CPU',
    gpu.usable ? fixForF16(gpu) : `Use --precision f32. No GPU can be used: ${gpu.reason}.`,
  )
}

/**
 * Returns whether this is Linux and has no device file of a GPU. Other systems have no such files. A software driver
 * that the environment names works without one, but `auto` would not choose it anyway.
 */
const hasNoGpuFile = (host: HostEnvironment): boolean =>
  process.platform === 'linux' && readGpuHardware(host).nodes.length === 0

const fixForF16 = ({ f16, fix }: DeviceDescription): string =>
  f16 === undefined ? `Use --precision f32. ${fix}` : 'Use --precision f32.'

const throwUnavailable = (subject: string, { reason, fix }: DeviceDescription): never =>
  fail('device_unavailable', {
    subject,
    problem: `cannot be used: ${reason}`,
    fix: `${fix} To list all devices, run graft devices; --device cpu always works.`,
  })

const throwNoF16 = (name: string, fix: string): never =>
  fail('precision_unsupported', {
    subject: '--precision f16',
    problem: `is not supported by ${name}: f16 needs a GPU with WebGPU's feature shader-f16`,
    fix,
  })
