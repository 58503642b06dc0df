import type { Program } from '../../graph/program.ts'
import type { TracedNode } from '../../graph/runtime/trace.ts'
import type { Call } from '../../graph/runtime/traced-pool.ts'
import { type Place, placeOf } from './places.ts'

/** A span of `performance.now()`, in milliseconds. */
export interface Span {
  begun: number
  ended: number
}

/** What one kernel did, and for what. */
export interface Work {
  /** Where it ran: `thread 1`, or `GPU`. */
  lane: string
  op: string
  /** Absent for a node that ONNX Runtime put in itself. */
  place?: Place
  /** The number of the call that it is part of. */
  call: number
  begun: number
  ms: number
  flops: number
}

/** The kernels of all calls, each with its place. Where a GPU has timestamps they stand for the nodes that it ran. */
export function workOf(calls: readonly Call[]): Work[] {
  return calls.flatMap(({ program, thread, begun, ended, trace }, call) => {
    // The two clocks share no origin; before the run and after it, messages between threads take about as long.
    const origin = begun + (ended - begun - trace.ms) / 2 - trace.start
    const inLane =
      (lane: string) =>
      (node: TracedNode): Work => ({
        lane,
        op: node.opType,
        place: placeIn(program, node.name),
        call,
        begun: origin + node.start,
        ms: node.ms,
        flops: node.flops,
      })
    const onGpu = new Set(trace.dispatches.map(({ provider }) => provider))
    return [
      ...trace.nodes.filter(({ provider }) => !onGpu.has(provider)).map(inLane(`thread ${thread + 1}`)),
      ...trace.dispatches.map(inLane('GPU')),
    ]
  })
}

/** The place of an ONNX node: its name begins with the number of the program's node, whatever ONNX Runtime appends where it fuses. */
function placeIn({ nodes, outputs }: Program, name: string): Place | undefined {
  const number = /^(\d+)\./.exec(name)?.[1]
  const node = number === undefined ? outputs[name] : nodes[Number(number)]
  return node && placeOf(node)
}
