import { z } from 'zod'
import { listDevices } from '../../platform/offline/devices.ts'
import type { Device } from '../../platform/schemas/devices.ts'
import type { Command } from '../command.ts'
import { print, table } from '../output.ts'
import { grouped, progressTo } from '../progress.ts'

const flags = {
  no_measure: z.boolean().describe('only tell what there is; measuring takes some seconds'),
}

export const devices: Command = {
  summary: 'Tell what this machine can train on, measured.',
  usage: 'devices [--no-measure]',
  about: `cpu is always there. webgpu is any vendor's GPU, through Vulkan, Metal or Direct3D 12, from npm ci alone. cuda needs ONNX Runtime's
CUDA provider. For what cannot be used, it says why and what to install; docs/gpu.md tells more. Measured are the product of f32 matrices
(GFLOP/s) and the bytes that a sum of large arrays moves (GB/s).`,
  examples: ['graft devices', 'graft devices --no-measure', 'graft devices --json'],
  flags: { Devices: flags },
  async run({ json, no_measure }) {
    const progress = progressTo()
    const report = await listDevices(no_measure !== true, ({ name }) => progress.update(`measuring ${name}`))
    progress.end()
    const { auto } = report
    print(json, report, [
      ...table([['device', 'state', 'name', 'memory', 'f16', 'GFLOP/s', 'GB/s'], ...report.devices.map(row)]),
      ...report.devices.flatMap(details),
      ...(auto ? ['', `--device auto takes ${auto.device}. ${auto.why}`] : []),
    ])
  },
}

const row = ({ kind, usable, software, name, cores, memory_bytes, f16, measured }: Device): string[] => [
  kind,
  usable ? (software ? 'usable, slow' : 'usable') : 'not usable',
  `${name}${cores ? `, ${cores} cores` : ''}${software ? ', a software renderer' : ''}`,
  memory_bytes === undefined ? '-' : gigabytes(memory_bytes),
  f16 === undefined ? '-' : f16 ? 'yes' : 'no',
  measured ? figure(measured.gemm_gflops) : '-',
  measured ? figure(measured.bandwidth_gb_s) : '-',
]

function details({ kind, usable, driver, limits, why, fix, unmeasured }: Device): string[] {
  const lines = [
    driver && `driver ${driver}`,
    limits &&
      `${limits.storage_buffers_per_stage} storage buffers a stage, buffers up to ${gigabytes(limits.buffer_bytes)}, of which a shader binds ${gigabytes(limits.storage_binding_bytes)}`,
    unmeasured && `could not be measured: ${unmeasured}`,
    why && `${usable ? '' : 'not usable: '}${why}`,
    fix,
  ].filter((line) => typeof line === 'string')
  return lines.length > 0 ? ['', `${kind}:`, ...lines.map((line) => `  ${line}`)] : []
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`

const figure = (value: number): string => (value < 10 ? value.toFixed(1) : grouped(Math.round(value)))
