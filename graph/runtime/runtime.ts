import { availableParallelism } from 'node:os'
import { openDevice } from './device.ts'
import type { DeviceKind } from './devices/device-description.ts'
import { openPool, type Pool } from './pool.ts'

/**
 * Opens the pool that runs programs on a device.
 * @param threads the number of CPU threads. Defaults to the number of cores.
 */
export function openRuntime(device: DeviceKind, threads = availableParallelism()): Pool {
  if (device === 'webgpu') return openDevice()
  return device === 'cuda' ? openPool(1, 'cuda') : openPool(threads)
}
