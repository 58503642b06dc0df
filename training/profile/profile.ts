import type { Call } from '../../graph/runtime/traced-pool.ts'
import type { KernelRun, Span } from './kernels.ts'

/** A part of a step. The parts of a table sum to `thread_ms`. */
interface Part {
  /** The share of `thread_ms`. */
  share: number
  /** Milliseconds per step. */
  ms: number
}

export interface OpRow extends Part {
  op: string
  /** Calls per step. */
  calls: number
  /** 10^9 floating-point operations per second. Only set for matrix products. */
  gflops?: number
}

export interface LayerRow extends Part {
  layer: string
  forward_ms: number
  backward_ms: number
}

/** The time that a training step spends in each op and in each layer. Numbers are means per step, except for shares. */
export interface Profile {
  /** The file of the flame graph. */
  file: string
  device: string
  threads: number
  /** The number of steps measured. */
  steps: number
  reviews: number
  /** The time from the start of a step to its end. */
  step_ms: number
  /** The time of all threads together: `threads` times `step_ms`. Both tables sum to it. */
  thread_ms: number
  by_op: OpRow[]
  by_layer: LayerRow[]
  /** The share of `thread_ms` in nodes that ONNX Runtime inserted. Their layer is not known. */
  unattributed: number
  /** The speed of the matrix products on one thread, in 10^9 floating-point operations per second. */
  gflops: number
  /** Runs of programs. */
  runs: number
  /** The number of nodes that each provider of ONNX Runtime ran. */
  nodes: Record<string, number>
  /** Dispatches to a GPU, if it has timestamps. The tables then have these times instead of the times of its nodes. */
  dispatches: number
  /** Bytes of the inputs and of the results of all runs. Values that are bound once are not included. */
  bytes_fed: number
  bytes_returned: number
}

/** The row for the time that ONNX Runtime spends outside of kernels. */
const BETWEEN_KERNELS = '(between kernels)'
/** The row for the time during which a thread runs no program. */
const NO_RUN = '(no run)'
const INSERTED_NODES = '(inserted by ONNX Runtime)'

interface Measurements {
  file: string
  device: string
  threads: number
  steps: readonly Span[]
  examples: number
  calls: readonly Call[]
  kernels: readonly KernelRun[]
  /** The layers, in the order of the rows. */
  layers: readonly string[]
}

/** Computes a profile from the traces of several steps. */
export function summarizeProfile(measurements: Measurements): Profile {
  const { file, device, threads, steps, examples, calls, kernels, layers } = measurements
  const n = steps.length
  const kernelMs = totalMs(kernels)
  const wallMs = steps.reduce((sum, { start, end }) => sum + end - start, 0)
  const runMs = calls.reduce((sum, { trace }) => sum + trace.ms, 0)
  // A GPU may still be computing when the run that submitted the work has ended.
  const threadMs = Math.max(threads * wallMs, kernelMs)
  const betweenMs = Math.min(Math.max(0, runMs - kernelMs), threadMs - kernelMs)
  const toPart = (ms: number): Part => ({ share: ms / threadMs, ms: ms / n })
  const rest = { [BETWEEN_KERNELS]: toPart(betweenMs), [NO_RUN]: toPart(threadMs - kernelMs - betweenMs) }
  const products = kernels.filter(({ flops }) => flops > 0)
  const nodes: Record<string, number> = {}
  for (const { trace } of calls)
    for (const { provider } of trace.nodes) nodes[provider] = (nodes[provider] ?? 0) + 1 / n
  return {
    file,
    device,
    threads,
    steps: n,
    reviews: examples / n,
    step_ms: wallMs / n,
    thread_ms: threadMs / n,
    by_op: [
      ...[...Map.groupBy(kernels, ({ op }) => op)]
        .map(([op, own]) => ({ op, calls: own.length / n, ...toPart(totalMs(own)), ...computeSpeed(own) }))
        .sort((a, b) => b.ms - a.ms),
      ...Object.entries(rest).map(([op, time]) => ({ op, calls: 0, ...time })),
    ],
    by_layer: [
      ...[...layers, 'optimizer', INSERTED_NODES].map((layer) => {
        const own = kernels.filter(({ place }) => (place?.layer ?? INSERTED_NODES) === layer)
        const during = (phase: string) => totalMs(own.filter(({ place }) => place?.phase === phase)) / n
        return { layer, ...toPart(totalMs(own)), forward_ms: during('forward'), backward_ms: during('backward') }
      }),
      ...Object.entries(rest).map(([layer, time]) => ({ layer, ...time, forward_ms: 0, backward_ms: 0 })),
    ],
    unattributed: toPart(totalMs(kernels.filter(({ place }) => !place))).share,
    gflops: computeSpeed(products).gflops ?? 0,
    runs: calls.length / n,
    nodes,
    dispatches: sum(calls.map(({ trace }) => trace.dispatches.length)) / n,
    bytes_fed: sum(calls.map(({ bytesFed }) => bytesFed)) / n,
    bytes_returned: sum(calls.map(({ bytesReturned }) => bytesReturned)) / n,
  }
}

/** Returns 10^9 floating-point operations per second of these kernels, if they are matrix products. */
function computeSpeed(kernels: readonly KernelRun[]): { gflops?: number } {
  const flops = sum(kernels.map((kernel) => kernel.flops))
  return flops > 0 ? { gflops: flops / 1e6 / totalMs(kernels) } : {}
}

const totalMs = (kernels: readonly KernelRun[]): number => sum(kernels.map(({ ms }) => ms))

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
