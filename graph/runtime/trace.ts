/** One kernel of a run, in milliseconds of the session's own clock. */
export interface TracedNode {
  /** As in the ONNX model; ONNX Runtime renames what it fuses and names what it inserts. */
  name: string
  opType: string
  provider: string
  start: number
  ms: number
  /** Floating-point operations, where it is a product of matrices; else 0. */
  flops: number
}

/** One run of a program. */
export interface TracedRun {
  start: number
  ms: number
  /** One for each node, in the order in which they ran. On a GPU the time is that of the order given, not of the work. */
  nodes: readonly TracedNode[]
  /** One for each dispatch to a GPU, by the GPU's timestamps; empty on the CPU. */
  dispatches: readonly TracedNode[]
}

/** An event of ONNX Runtime's trace: times in microseconds. */
interface TraceEvent {
  cat: string
  name: string
  ts: number
  dur: number
  args: {
    op_name?: string
    provider?: string
    input_type_shape?: readonly Record<string, readonly number[]>[]
    output_type_shape?: readonly Record<string, readonly number[]>[]
  }
}

const KERNEL_TIME = '_kernel_time'

/** Nodes whose result [.., M, N] is a product over K. */
const PRODUCTS = new Set(['MatMul', 'FusedMatMul', 'TransposeMatMul', 'Gemm', 'FusedGemm'])

/** The runs in a trace that ONNX Runtime wrote, for whichever provider, in their order. */
export function readTrace(text: string): TracedRun[] {
  const events = JSON.parse(text) as TraceEvent[]
  const runs = events
    .filter(({ cat, name }) => cat === 'Session' && name === 'model_run')
    .sort((a, b) => a.ts - b.ts)
    .map(({ ts, dur }) => ({
      start: ts / 1000,
      ms: dur / 1000,
      nodes: [] as TracedNode[],
      dispatches: [] as TracedNode[],
    }))
  // What a run set going on a GPU may end after the run has.
  const runAt = (ms: number) => runs.findLast(({ start }) => start <= ms)
  for (const event of events) {
    if (event.cat !== 'Node' || !event.name.endsWith(KERNEL_TIME)) continue
    const node = nodeOf(event, event.name.slice(0, -KERNEL_TIME.length))
    runAt(node.start)?.nodes.push(node)
  }
  for (const event of events) {
    // The WebGPU provider names a dispatch after its node, op and kernel.
    const [name, opType] = event.name.split('&')
    const start = event.ts / 1000
    const run = event.cat === 'Api' && opType !== undefined ? runAt(start) : undefined
    if (!run) continue
    const node = run.nodes.find((n) => n.name === name)
    const first = !run.dispatches.some((d) => d.name === name)
    const provider = node?.provider ?? 'WebGpuExecutionProvider'
    run.dispatches.push({ name, opType, provider, start, ms: event.dur / 1000, flops: first && node ? node.flops : 0 })
  }
  for (const { nodes, dispatches } of runs)
    for (const list of [nodes, dispatches]) list.sort((a, b) => a.start - b.start)
  return runs
}

function nodeOf({ ts, dur, args }: TraceEvent, name: string): TracedNode {
  const opType = args.op_name ?? 'unknown'
  return {
    name,
    opType,
    provider: args.provider ?? 'unknown',
    start: ts / 1000,
    ms: dur / 1000,
    flops: flopsOf(opType, args),
  }
}

function flopsOf(opType: string, { input_type_shape: inputs, output_type_shape: outputs }: TraceEvent['args']): number {
  if (!PRODUCTS.has(opType) || !inputs?.[0] || !outputs?.[0]) return 0
  const [a, y] = [Object.values(inputs[0])[0], Object.values(outputs[0])[0]]
  if (a.length < 2 || y.length < 2) return 0
  // Whether a is [M, K] or [K, M], its last two sizes multiply to M · K.
  const k = (a[a.length - 1] * a[a.length - 2]) / y[y.length - 2]
  return 2 * k * y.reduce((product, size) => product * size, 1)
}
