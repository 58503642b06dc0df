import { z } from 'zod'
import { formatCount } from '../../core/format-count.ts'
import { listDevices } from '../../platform/offline/devices.ts'
import type { Device } from '../../platform/schemas/devices.ts'
import type { Command } from '../command.ts'
import { formatTable, printResult } from '../output.ts'
import { makeProgress } from '../progress.ts'

const flags = {
  no_measure: z.boolean().describe('List the devices without measuring them. Measuring takes a few seconds.'),
}

export const devices: Command = {
  summary: 'List the devices that can train, and measure their speed',
  usage: 'devices [--no-measure]',
  about: `cpu is always available. webgpu is a GPU of any vendor, through Vulkan, Metal or Direct3D 12, and
needs nothing beyond npm ci. cuda needs the CUDA provider of ONNX Runtime. If a device cannot be used,
the list says why and what to install. See docs/gpu.md. Two things are measured: the product of f32
matrices (GFLOP/s), and the memory bandwidth of a sum of large arrays (GB/s).`,
  examples: ['graft devices', 'graft devices --no-measure', 'graft devices --json'],
  flags: { Flags: flags },
  async run({ json, no_measure }) {
    const progress = makeProgress()
    const report = await listDevices(no_measure !== true, ({ name }) => progress.update(`measuring ${name}`))
    progress.finish()
    const { auto } = report
    printResult(json, report, [
      ...formatTable([['device', 'state', 'name', 'memory', 'f16', 'GFLOP/s', 'GB/s'], ...report.devices.map(toRow)]),
      ...report.devices.flatMap(formatDetails),
      ...(auto ? ['', `--device auto selects ${auto.device}. ${auto.reason}`] : []),
    ])
  },
}

const toRow = ({ kind, usable, software, name, cores, memory_bytes, f16, measurement }: Device): string[] => [
  kind,
  usable ? (software ? 'usable, slow' : 'usable') : 'not usable',
  `${name}${cores ? `, ${cores} cores` : ''}${software ? ', a software renderer' : ''}`,
  memory_bytes === undefined ? '-' : formatGigabytes(memory_bytes),
  f16 === undefined ? '-' : f16 ? 'yes' : 'no',
  measurement ? formatFigure(measurement.gemm_gflops) : '-',
  measurement ? formatFigure(measurement.bandwidth_gb_s) : '-',
]

function formatDetails({ kind, usable, driver, limits, reason, fix, measurement_error }: Device): string[] {
  const lines = [
    driver && `driver ${driver}`,
    limits &&
      `${limits.storage_buffers_per_stage} storage buffers per stage, buffers of up to ${formatGigabytes(limits.buffer_bytes)}, of which a shader can bind ${formatGigabytes(limits.storage_binding_bytes)}`,
    measurement_error && `could not be measured: ${measurement_error}`,
    reason && `${usable ? '' : 'not usable: '}${reason}`,
    fix,
  ].filter((line) => typeof line === 'string')
  return lines.length > 0 ? ['', `${kind}:`, ...lines.map((line) => `  ${line}`)] : []
}

const formatGigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`

const formatFigure = (value: number): string => (value < 10 ? value.toFixed(1) : formatCount(Math.round(value)))
