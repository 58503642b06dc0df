import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import type { DeviceDescription } from './device-description.ts'
import type { HostEnvironment } from './query-child.ts'

/**
 * Describes the CPU. The name mentions AVX-512, because ONNX Runtime's matrix products are about twice as fast with it.
 */
export function describeCpu({ root }: Pick<HostEnvironment, 'root'>): DeviceDescription {
  const cpuInfo = `${root}/proc/cpuinfo`
  const hasAvx512 = existsSync(cpuInfo) && /\bavx512f\b/.test(readFileSync(cpuInfo, 'utf8'))
  const model = cpus()[0]?.model.trim().replace(/\s+/g, ' ')
  return {
    kind: 'cpu',
    usable: true,
    name: `${model || process.arch}${hasAvx512 ? ' (AVX-512)' : ''}`,
    software: false,
    f16: false,
    memory_bytes: totalmem(),
    cores: availableParallelism(),
  }
}
