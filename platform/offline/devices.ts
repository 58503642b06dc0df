import { chooseAutomatically } from '../../graph/runtime/devices/choose-device.ts'
import type { DeviceDescription } from '../../graph/runtime/devices/device-description.ts'
import { describeDevices, measureDevice } from '../../graph/runtime/devices/gpu-info.ts'
import type { Measurement } from '../../graph/runtime/devices/measure-child.ts'
import type { Device, DeviceReport } from '../schemas/devices.ts'

/**
 * Lists the devices of this machine that can train.
 * @param measure whether to time matrix products on the CPU and on a usable WebGPU device, which takes a few seconds
 * @param onMeasure called before each measurement
 */
export async function listDevices(
  measure: boolean,
  onMeasure: (device: DeviceDescription) => void = () => {},
): Promise<DeviceReport> {
  const descriptions = await describeDevices()
  const speeds = new Map<Device['kind'], Measurement | string>()
  // Measures one device after the other, so that each has the machine to itself.
  for (const description of measure ? descriptions : []) {
    const { kind, usable } = description
    if (!usable || kind === 'cuda') continue
    onMeasure(description)
    speeds.set(kind, await measureDevice(kind))
  }
  const gpu = descriptions.find(({ kind }) => kind === 'webgpu') as DeviceDescription
  const auto = await chooseAutomatically(gpu, async (kind) => speeds.get(kind) ?? NOT_MEASURED)
  return {
    devices: descriptions.map((description) => ({ ...description, ...toMeasurement(speeds.get(description.kind)) })),
    ...(!auto.reason.includes(NOT_MEASURED) && { auto }),
  }
}

const NOT_MEASURED = 'it was not measured'

function toMeasurement(speed: Measurement | string | undefined): Pick<Device, 'measurement' | 'measurement_error'> {
  if (speed === undefined) return {}
  if (typeof speed === 'string') return { measurement_error: speed }
  return { measurement: { gemm_gflops: speed.gflops, bandwidth_gb_s: speed.gigabytesPerSecond } }
}
