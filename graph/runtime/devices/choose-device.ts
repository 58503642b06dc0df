import { fail } from '../../../core/errors.ts'
import { describeCuda } from './cuda-device.ts'
import type { DeviceDescription, DeviceKind } from './device-description.ts'
import { gpuHardware } from './gpu-hardware.ts'
import { describeWebgpu, measureDevice } from './gpu-info.ts'
import type { Measured } from './measure-child.ts'
import { type Surroundings, thisMachine } from './query-child.ts'

export type DeviceRequest = 'auto' | DeviceKind
export type Precision = 'f32' | 'f16'

/** The device to train on, and in one sentence why. */
export interface DeviceChoice {
  device: DeviceKind
  why: string
}

/**
 * A device that is asked for by name is taken or refused, never replaced. `auto` takes WebGPU where it is real hardware and was measured
 * to multiply matrices faster than the CPU; on Linux without a GPU's device file it measures nothing.
 * @throws GraftError `device_unavailable` for a device by name that cannot be used; `precision_unsupported` for f16 without it
 */
export async function chooseDevice(
  requested: DeviceRequest,
  precision: Precision,
  surroundings: Surroundings = thisMachine(),
): Promise<DeviceChoice> {
  if (requested === 'auto') return precision === 'f16' ? autoHalf(surroundings) : auto(surroundings)
  if (requested === 'cpu') {
    if (precision === 'f16') withoutHalf('the CPU', 'Use --precision f32, or a GPU with f16: graft devices lists them.')
    return { device: 'cpu', why: 'The CPU was asked for.' }
  }
  const device = await (requested === 'webgpu' ? describeWebgpu : describeCuda)(surroundings)
  if (!device.usable) unavailable(`--device ${requested}`, device)
  if (precision === 'f16' && !device.f16) withoutHalf(device.name, fixForF16(device))
  return { device: requested, why: `${device.name} was asked for.` }
}

async function auto(surroundings: Surroundings): Promise<DeviceChoice> {
  if (noGpuInSight(surroundings)) return { device: 'cpu', why: 'The CPU trains: this machine shows no GPU.' }
  return autoChoice(await describeWebgpu(surroundings), (device) => measureDevice(device, surroundings))
}

/**
 * What `auto` takes where there is this WebGPU device.
 * @param measure gives a speed, or why there is none; asked for both devices, one after the other, where it decides
 */
export async function autoChoice(
  gpu: DeviceDescription,
  measure: (device: 'cpu' | 'webgpu') => Promise<Measured | string>,
): Promise<DeviceChoice> {
  const cpu = (why: string): DeviceChoice => ({ device: 'cpu', why })
  if (!gpu.usable) return cpu(`The CPU trains, since no GPU can be used: ${gpu.why}.`)
  if (gpu.software) return cpu(`The CPU trains: ${gpu.name} is a software renderer, which computes on the CPU, too.`)
  if (gpu.software === undefined) return cpu(`The CPU trains, since ${gpu.why}.`)
  const [fast, slow] = [await measure('webgpu'), await measure('cpu')]
  if (typeof fast === 'string')
    return cpu(`The CPU trains, since the speed of ${gpu.name} could not be measured: ${fast}.`)
  if (typeof slow === 'string') return cpu(`The CPU trains, since its speed could not be measured: ${slow}.`)
  const figures = `${fast.gflops.toFixed(0)} GFLOP/s against ${slow.gflops.toFixed(0)}`
  return fast.gflops > slow.gflops
    ? { device: 'webgpu', why: `${gpu.name} multiplies matrices faster than the CPU: ${figures}.` }
    : cpu(`The CPU trains, since ${gpu.name} does not multiply matrices faster: ${figures}.`)
}

/** The CPU has no f16 here, so there is nothing to compare. */
async function autoHalf(surroundings: Surroundings): Promise<DeviceChoice> {
  const gpu = await describeWebgpu(surroundings)
  if (gpu.usable && gpu.f16 && !gpu.software)
    return { device: 'webgpu', why: `${gpu.name} computes in f16, which the CPU does not.` }
  return withoutHalf(
    gpu.usable ? `the CPU and ${gpu.name}` : 'the CPU, the only device here,',
    gpu.usable ? fixForF16(gpu) : `Use --precision f32. The GPU cannot be used: ${gpu.why}.`,
  )
}

/** Elsewhere than on Linux a GPU has no file. A driver that the environment names may need none either, but is no hardware then. */
const noGpuInSight = (surroundings: Surroundings): boolean =>
  process.platform === 'linux' && gpuHardware(surroundings).nodes.length === 0

const fixForF16 = ({ f16, fix }: DeviceDescription): string =>
  f16 === undefined ? `Use --precision f32. ${fix}` : 'Use --precision f32.'

const unavailable = (subject: string, { why, fix }: DeviceDescription): never =>
  fail('device_unavailable', {
    subject,
    expected: 'a device that can be used',
    found: String(why),
    fix: `${fix} graft devices tells of all; --device cpu works everywhere.`,
  })

const withoutHalf = (name: string, fix: string): never =>
  fail('precision_unsupported', {
    subject: '--precision f16',
    expected: 'a device that computes in f16 (the feature shader-f16 of WebGPU)',
    found: `${name} without it`,
    fix,
  })
