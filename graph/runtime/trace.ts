/** A kernel of a run. Times are in milliseconds of the session's own clock. */
export interface TracedNode {
  /** The name of the ONNX node. ONNX Runtime renames nodes that it fuses and names nodes that it inserts. */
  name: string
  opType: string
  provider: string
  start: number
  ms: number
  /** Floating-point operations of a matrix product; 0 for other kernels. */
  flops: number
}

/** A run of a program. */
export interface TracedRun {
  start: number
  ms: number
  /** An entry per node, in the order in which they ran. On a GPU it times the submission, not the work. */
  nodes: readonly TracedNode[]
  /** An entry per dispatch to a GPU, timed by the GPU's timestamps. Empty on the CPU. */
  dispatches: readonly TracedNode[]
}

/** An event of ONNX Runtime's trace. Times are in microseconds. */
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

const KERNEL_TIME_SUFFIX = '_kernel_time'

/** ONNX ops whose result [.., M, N] is a matrix product over K. */
const MATMUL_OP_TYPES = new Set(['MatMul', 'FusedMatMul', 'TransposeMatMul', 'Gemm', 'FusedGemm'])

/** Parses a trace of ONNX Runtime, of any execution provider, into its runs in order. */
export function parseTrace(text: string): TracedRun[] {
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
  // Work that a run starts on a GPU may end after the run.
  const runAt = (ms: number) => runs.findLast(({ start }) => start <= ms)
  for (const event of events) {
    if (event.cat !== 'Node' || !event.name.endsWith(KERNEL_TIME_SUFFIX)) continue
    const node = toTracedNode(event, event.name.slice(0, -KERNEL_TIME_SUFFIX.length))
    runAt(node.start)?.nodes.push(node)
  }
  for (const event of events) {
    // The WebGPU provider names a dispatch by its node, op and kernel, separated by &.
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

function toTracedNode({ ts, dur, args }: TraceEvent, name: string): TracedNode {
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
  if (!MATMUL_OP_TYPES.has(opType) || !inputs?.[0] || !outputs?.[0]) return 0
  const [a, y] = [Object.values(inputs[0])[0], Object.values(outputs[0])[0]]
  if (a.length < 2 || y.length < 2) return 0
  // a is [M, K] or [K, M]; the product of its last two sizes is M · K in both cases.
  const k = (a[a.length - 1] * a[a.length - 2]) / y[y.length - 2]
  return 2 * k * y.reduce((product, size) => product * size, 1)
}
