import { availableParallelism } from 'node:os'
import { openDevice } from './device.ts'
import type { DeviceKind } from './devices/device-description.ts'
import { openPool, type Pool } from './pool.ts'

/** Opens what runs programs: threads of the CPU, or a GPU. @param threads those of the CPU, one a core where absent */
export function openRuntime(device: DeviceKind, threads = availableParallelism()): Pool {
  if (device === 'webgpu') return openDevice()
  return device === 'cuda' ? openPool(1, 'cuda') : openPool(threads)
}
