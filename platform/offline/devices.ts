import { autoChoice } from '../../graph/runtime/devices/choose-device.ts'
import type { DeviceDescription } from '../../graph/runtime/devices/device-description.ts'
import { describeDevices, measureDevice } from '../../graph/runtime/devices/gpu-info.ts'
import type { Measured } from '../../graph/runtime/devices/measure-child.ts'
import type { Device, DeviceReport } from '../schemas/devices.ts'

export { deviceKinds } from '../../graph/runtime/devices/device-description.ts'

/**
 * What can train here.
 * @param measure multiplies matrices on the CPU and on a usable WebGPU device, some seconds in all
 * @param onMeasure told before each measurement
 */
export async function listDevices(
  measure: boolean,
  onMeasure: (device: DeviceDescription) => void = () => {},
): Promise<DeviceReport> {
  const descriptions = await describeDevices()
  const speeds = new Map<Device['kind'], Measured | string>()
  // One after the other: each shall have the machine to itself.
  for (const description of measure ? descriptions : []) {
    const { kind, usable } = description
    if (!usable || kind === 'cuda') continue
    onMeasure(description)
    speeds.set(kind, await measureDevice(kind))
  }
  const gpu = descriptions.find(({ kind }) => kind === 'webgpu') as DeviceDescription
  const auto = await autoChoice(gpu, async (kind) => speeds.get(kind) ?? NOT_MEASURED)
  return {
    devices: descriptions.map((description) => ({ ...description, ...shown(speeds.get(description.kind)) })),
    ...(!auto.why.includes(NOT_MEASURED) && { auto }),
  }
}

const NOT_MEASURED = 'it was not measured'

function shown(speed: Measured | string | undefined): Pick<Device, 'measured' | 'unmeasured'> {
  if (speed === undefined) return {}
  if (typeof speed === 'string') return { unmeasured: speed }
  return { measured: { gemm_gflops: speed.gflops, bandwidth_gb_s: speed.gigabytesPerSecond } }
}
