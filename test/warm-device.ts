import { afterAll, beforeAll } from 'vitest'
import { type Device, openDevice } from '../graph/runtime/device.ts'
import { softwareVulkan } from './software-vulkan.ts'

/** Keeps a device open through a file of tests: ONNX Runtime forgets its compiled shaders with the last one that closes. */
export function keepDeviceWarm(): void {
  let device: Device | undefined
  beforeAll(async () => {
    if (!softwareVulkan) return
    device = openDevice()
    await device.read(device.hold({ dtype: 'f32', shape: [1] }, Float32Array.of(1)))
  })
  afterAll(() => device?.close())
}
