import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import type { DeviceDescription } from './device-description.ts'
import type { Surroundings } from './query-child.ts'

/** Always there. ONNX Runtime's products are about twice as fast with AVX-512, so the name tells of it. */
export function describeCpu({ root }: Pick<Surroundings, 'root'>): DeviceDescription {
  const info = `${root}/proc/cpuinfo`
  const wide = existsSync(info) && /\bavx512f\b/.test(readFileSync(info, 'utf8'))
  const model = cpus()[0]?.model.trim().replace(/\s+/g, ' ')
  return {
    kind: 'cpu',
    usable: true,
    name: `${model || process.arch}${wide ? ' (AVX-512)' : ''}`,
    software: false,
    f16: false,
    memory_bytes: totalmem(),
    cores: availableParallelism(),
  }
}
