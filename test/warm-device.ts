import { beforeAll } from 'vitest'
import { type Device, openDevice } from '../graph/runtime/device.ts'
import { softwareVulkan } from './software-vulkan.ts'

let warm: Promise<Device> | undefined

/**
 * Keeps a device open until the process ends, for the test files that run in it later, too. ONNX Runtime forgets its
 * compiled shaders when the last device closes.
 */
export function keepDeviceWarm(): void {
  beforeAll(async () => {
    if (!softwareVulkan) return
    warm ??= openWarmDevice()
    await warm
  })
}

async function openWarmDevice(): Promise<Device> {
  const device = openDevice()
  await device.read(device.allocate({ dtype: 'f32', shape: [1] }, Float32Array.of(1)))
  return device
}
