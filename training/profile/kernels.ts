import type { Program } from '../../graph/program.ts'
import type { TracedNode } from '../../graph/runtime/trace.ts'
import type { Call } from '../../graph/runtime/traced-pool.ts'
import { type Place, placeOf } from './places.ts'

/** A span of `performance.now()`, in milliseconds. */
export interface Span {
  start: number
  end: number
}

/** A run of a kernel, with its place in the training step. */
export interface KernelRun {
  /** The thread or device that ran it: `thread 1`, …, or `GPU`. */
  lane: string
  op: string
  /** Not set for a node that ONNX Runtime inserted. */
  place?: Place
  /** The index of the call that it is part of. */
  call: number
  start: number
  ms: number
  flops: number
}

/**
 * Returns the kernel runs of all calls. If a GPU has timestamps, its dispatches are returned instead of the nodes that
 * it ran.
 */
export function kernelRunsOf(calls: readonly Call[]): KernelRun[] {
  return calls.flatMap(({ program, thread, start, end, trace }, call) => {
    // The two clocks have different origins. Messages between threads take about as long before the run as after it.
    const origin = start + (end - start - trace.ms) / 2 - trace.start
    const toKernelRun =
      (lane: string) =>
      (node: TracedNode): KernelRun => ({
        lane,
        op: node.opType,
        place: findPlace(program, node.name),
        call,
        start: origin + node.start,
        ms: node.ms,
        flops: node.flops,
      })
    const onGpu = new Set(trace.dispatches.map(({ provider }) => provider))
    return [
      ...trace.nodes.filter(({ provider }) => !onGpu.has(provider)).map(toKernelRun(`thread ${thread + 1}`)),
      ...trace.dispatches.map(toKernelRun('GPU')),
    ]
  })
}

/**
 * Returns the place of an ONNX node. Its name starts with the index of a node of the program, even if ONNX Runtime
 * fused it and appended to the name.
 */
function findPlace({ nodes, outputs }: Program, name: string): Place | undefined {
  const index = /^(\d+)\./.exec(name)?.[1]
  const node = index === undefined ? outputs[name] : nodes[Number(index)]
  return node && placeOf(node)
}
