import { formatCount } from '../../core/format-count.ts'
import type { Profile } from '../../training/profile/profile.ts'
import { formatPercent, formatTable } from '../output.ts'

/** Formats a profile as tables of the time of a step, by op and by layer. */
export function formatProfile(profile: Profile): string[] {
  const { file, device, threads, steps, step_ms, thread_ms, by_op, by_layer, unattributed, gflops } = profile
  const { reviews, runs, nodes, dispatches, bytes_fed, bytes_returned } = profile
  const providers = Object.entries(nodes).map(([provider, count]) => `${formatCount(Math.round(count))} on ${provider}`)
  return [
    `A step takes ${formatMs(step_ms)} ms on ${threads} ${threads === 1 ? 'thread' : 'threads'} (${device}): mean of ${steps} steps with ${formatCount(Math.round(reviews))} reviews each.`,
    `The tables show the time of all threads together, ${formatMs(thread_ms)} ms per step. Matrix products run at ${gflops.toFixed(1)} GFLOP/s.`,
    `A step has ${formatCount(Math.round(runs))} runs. Nodes: ${providers.join(', ')}. Data: ${formatKilobytes(bytes_fed)} fed, ${formatKilobytes(bytes_returned)} returned.`,
    ...(device === 'cpu' ? [] : [formatDispatches(dispatches)]),
    '',
    ...formatTable([
      ['op', 'share', 'ms', 'calls', 'GFLOP/s'],
      ...by_op.map((row) => [
        row.op,
        formatPercent(row.share),
        formatMs(row.ms),
        row.calls > 0 ? formatCount(Math.round(row.calls)) : '-',
        row.gflops?.toFixed(1) ?? '-',
      ]),
    ]),
    '',
    ...formatTable([
      ['layer', 'share', 'ms', 'forward', 'backward'],
      ...by_layer.map((row) => [
        row.layer,
        formatPercent(row.share),
        formatMs(row.ms),
        row.forward_ms > 0 ? formatMs(row.forward_ms) : '-',
        row.backward_ms > 0 ? formatMs(row.backward_ms) : '-',
      ]),
    ]),
    '',
    `${formatPercent(unattributed)} of the time belongs to no layer: nodes that ONNX Runtime inserted itself.`,
    `Flame graph: ${file}. Open it at https://www.speedscope.app.`,
  ]
}

const formatDispatches = (dispatches: number): string =>
  dispatches > 0
    ? `${formatCount(Math.round(dispatches))} dispatches per step, timed by the device's own clock.`
    : 'The device does not report times, so the times of its nodes cover only the submission of the work.'

const formatMs = (value: number): string => value.toFixed(2)

const formatKilobytes = (bytes: number): string => `${formatCount(Math.round(bytes / 1000))} kB`
