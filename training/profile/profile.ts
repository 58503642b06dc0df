import type { Call } from '../../graph/runtime/traced-pool.ts'
import type { Span, Work } from './work.ts'

/** Part of a step; the parts of one table add up to `thread_ms`. */
interface Part {
  /** Of `thread_ms`. */
  share: number
  /** A step. */
  ms: number
}

export interface OpRow extends Part {
  op: string
  /** A step. */
  calls: number
  /** Of a matrix product. */
  gflops?: number
}

export interface LayerRow extends Part {
  layer: string
  forward_ms: number
  backward_ms: number
}

/** Where a step's time goes. All but the shares is for one step, as the mean of those measured. */
export interface Profile {
  /** The flame graph's file. */
  file: string
  device: string
  threads: number
  /** Steps measured. */
  steps: number
  reviews: number
  /** From a step's begin to its end. */
  step_ms: number
  /** Time of all threads together: `threads` times `step_ms`. Both tables add up to it. */
  thread_ms: number
  by_op: OpRow[]
  by_layer: LayerRow[]
  /** The share of `thread_ms` in nodes that ONNX Runtime put in itself: no layer can be told. */
  unattributed: number
  /** Of the matrix products, while they run on one thread. */
  gflops: number
  /** Runs of programs. */
  runs: number
  /** Nodes that ran, by ONNX Runtime's provider. */
  nodes: Record<string, number>
  /** Orders given to a GPU, where it tells how long each took; then these times stand in the tables for those of its nodes. */
  dispatches: number
  /** Bytes fed to the runs and brought back from them, without what is bound once. */
  bytes_fed: number
  bytes_returned: number
}

/** What is no kernel: ONNX Runtime's own doings within a run, and the time in which a thread runs nothing. */
const BETWEEN = '(between kernels)'
const WAITING = '(no run)'
const INSERTED = '(inserted by ONNX Runtime)'

interface Measured {
  file: string
  device: string
  threads: number
  steps: readonly Span[]
  reviews: number
  calls: readonly Call[]
  work: readonly Work[]
  /** The layers, in the order of their rows. */
  layers: readonly string[]
}

export function summarize({ file, device, threads, steps, reviews, calls, work, layers }: Measured): Profile {
  const n = steps.length
  const kernels = total(work)
  const wall = steps.reduce((sum, { begun, ended }) => sum + ended - begun, 0)
  const inRuns = calls.reduce((sum, { trace }) => sum + trace.ms, 0)
  // A GPU may still work when the run that gave the orders is over.
  const all = Math.max(threads * wall, kernels)
  const between = Math.min(Math.max(0, inRuns - kernels), all - kernels)
  const part = (ms: number): Part => ({ share: ms / all, ms: ms / n })
  const rest = { [BETWEEN]: part(between), [WAITING]: part(all - kernels - between) }
  const products = work.filter(({ flops }) => flops > 0)
  const nodes: Record<string, number> = {}
  for (const { trace } of calls)
    for (const { provider } of trace.nodes) nodes[provider] = (nodes[provider] ?? 0) + 1 / n
  return {
    file,
    device,
    threads,
    steps: n,
    reviews: reviews / n,
    step_ms: wall / n,
    thread_ms: all / n,
    by_op: [
      ...[...Map.groupBy(work, ({ op }) => op)]
        .map(([op, own]) => ({ op, calls: own.length / n, ...part(total(own)), ...speed(own) }))
        .sort((a, b) => b.ms - a.ms),
      ...Object.entries(rest).map(([op, time]) => ({ op, calls: 0, ...time })),
    ],
    by_layer: [
      ...[...layers, 'optimizer', INSERTED].map((layer) => {
        const own = work.filter(({ place }) => (place?.layer ?? INSERTED) === layer)
        const during = (phase: string) => total(own.filter(({ place }) => place?.phase === phase)) / n
        return { layer, ...part(total(own)), forward_ms: during('forward'), backward_ms: during('backward') }
      }),
      ...Object.entries(rest).map(([layer, time]) => ({ layer, ...time, forward_ms: 0, backward_ms: 0 })),
    ],
    unattributed: part(total(work.filter(({ place }) => !place))).share,
    gflops: speed(products).gflops ?? 0,
    runs: calls.length / n,
    nodes,
    dispatches: sum(calls.map(({ trace }) => trace.dispatches.length)) / n,
    bytes_fed: sum(calls.map(({ fed }) => fed)) / n,
    bytes_returned: sum(calls.map(({ returned }) => returned)) / n,
  }
}

/** Floating-point operations in 1e9 a second, while the kernels run. */
function speed(work: readonly Work[]): { gflops?: number } {
  const flops = sum(work.map((one) => one.flops))
  return flops > 0 ? { gflops: flops / 1e6 / total(work) } : {}
}

const total = (work: readonly Work[]): number => sum(work.map(({ ms }) => ms))

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
