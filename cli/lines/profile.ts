import type { Profile } from '../../platform/offline/train.ts'
import { percentText, table } from '../output.ts'
import { grouped } from '../progress.ts'

/** A profile as tables for a person: what a step is made of, by op and by layer. */
export function profileLines(profile: Profile): string[] {
  const { file, device, threads, steps, step_ms, thread_ms, by_op, by_layer, unattributed, gflops } = profile
  const { reviews, runs, nodes, dispatches, bytes_fed, bytes_returned } = profile
  const providers = Object.entries(nodes).map(([provider, count]) => `${grouped(Math.round(count))} on ${provider}`)
  return [
    `a step takes ${ms(step_ms)} ms on ${threads} ${threads === 1 ? 'thread' : 'threads'} (${device}): the mean of ${steps}, of ${grouped(Math.round(reviews))} reviews each`,
    `below is the time of all threads together, ${ms(thread_ms)} ms a step; matrix products run at ${gflops.toFixed(1)} GFLOP/s`,
    `a step has ${grouped(Math.round(runs))} runs; nodes: ${providers.join(', ')}; ${kilobytes(bytes_fed)} fed, ${kilobytes(bytes_returned)} returned`,
    ...(device === 'cpu' ? [] : [clockLine(dispatches)]),
    '',
    ...table([
      ['op', 'share', 'ms', 'calls', 'GFLOP/s'],
      ...by_op.map((row) => [
        row.op,
        percentText(row.share),
        ms(row.ms),
        row.calls > 0 ? grouped(Math.round(row.calls)) : '-',
        row.gflops?.toFixed(1) ?? '-',
      ]),
    ]),
    '',
    ...table([
      ['layer', 'share', 'ms', 'forward', 'backward'],
      ...by_layer.map((row) => [
        row.layer,
        percentText(row.share),
        ms(row.ms),
        row.forward_ms > 0 ? ms(row.forward_ms) : '-',
        row.backward_ms > 0 ? ms(row.backward_ms) : '-',
      ]),
    ]),
    '',
    `no layer can be told for ${percentText(unattributed)} of the time: nodes that ONNX Runtime put in itself`,
    `${file}: the flame graph; open it at https://www.speedscope.app`,
  ]
}

const clockLine = (dispatches: number): string =>
  dispatches > 0
    ? `${grouped(Math.round(dispatches))} dispatches a step, timed by the device's own clock`
    : 'the device tells no times: those of its nodes are the times of giving the orders'

const ms = (value: number): string => value.toFixed(2)

const kilobytes = (bytes: number): string => `${grouped(Math.round(bytes / 1000))} kB`
