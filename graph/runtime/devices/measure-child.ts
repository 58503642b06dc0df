import '../no-telemetry.ts'
import * as ort from 'onnxruntime-node'
import type { Target } from '../../onnx/emitter.ts'
import { lower } from '../../onnx/lower.ts'
import { add } from '../../ops/elementwise.ts'
import { input } from '../../ops/leaf.ts'
import { matmul } from '../../ops/matmul.ts'
import { slice } from '../../ops/slice.ts'
import { buildProgram } from '../../program.ts'
import type { Tensor } from '../../tensor.ts'
import { type Data, openSession, type Resident } from '../session.ts'
import { sendAnswer } from './query-child.ts'

/** The speed of a device. */
export interface Measurement {
  /** Products of square f32 matrices, in 10^9 additions and multiplications per second. */
  gflops: number
  /** Bytes read and written by the sum of two arrays that exceed the caches, in 10^9 per second. */
  gigabytesPerSecond: number
}

/** The result of opening a device: the backends of ONNX Runtime, and either a failure or, if requested, the speed. */
export type OpenAnswer =
  | { supported: readonly string[]; failure: string }
  | { supported: readonly string[]; measurement?: Measurement }

type Feeds = Record<string, Data | Resident>

const SMALL_SIZE = 256
const LARGE_SIZE = 1024
/** The number of large products in one run. It is large enough to hide the cost of starting a run. */
const CHAIN_LENGTH = 4
/** The side of the arrays for the bandwidth. They take 64 MiB each, which exceeds most caches. */
const ARRAY_SIZE = 4096
const MIN_SECONDS = 0.3

const open = (device: Target, name: string, outputs: Record<string, Tensor>, keep: readonly string[] = []) =>
  openSession(lower(buildProgram(name, outputs), device, { symbols: {} }), { keep })

const square = (name: string, size: number) => input(name, 'f32', [size, size])

/** Checks a product of [8, 8] matrices against the same sums in JavaScript: some drivers compute wrong results. */
async function checkProducts(device: Target): Promise<void> {
  const size = 8
  const session = await open(device, 'check', { c: matmul(square('a', size), square('b', size)) })
  const a = Float32Array.from({ length: size * size }, (_, i) => (i % 7) - 3)
  const b = Float32Array.from({ length: size * size }, (_, i) => (i % 5) - 2)
  const { c: found } = await session.run({ a, b }, {})
  for (let i = 0; i < size * size; i++) {
    const [row, column] = [Math.floor(i / size), i % size]
    let expected = 0
    for (let k = 0; k < size; k++) expected += a[row * size + k] * b[k * size + column]
    if (found[i] !== expected) throw new Error(`it computes wrong results: ${found[i]} instead of ${expected}`)
  }
}

/** Uploads the operands once, so that they stay on the device. */
async function uploadOperands(device: Target, size: number): Promise<Feeds> {
  const values = new Float32Array(size * size).fill(1 / size)
  if (device !== 'webgpu') return { a: values, b: values }
  const identity = await open(device, 'upload', { a: square('x', size), b: square('y', size) }, ['a', 'b'])
  const residents = new Map<string, Resident>()
  await identity.run({ x: values, y: values }, {}, {}, residents)
  return Object.fromEntries(residents)
}

/**
 * Returns the mean time of one run. Fills the queue of a GPU, then waits for the queue with a last run whose result is
 * copied to the CPU.
 */
async function secondsPerRun(device: Target, name: string, result: Tensor, feeds: Feeds): Promise<number> {
  const corner = { y: slice(slice(result, 0, 0, 1), 1, 0, 1) }
  const [queued, awaited] = [await open(device, name, corner, ['y']), await open(device, name, corner)]
  const residents = new Map<string, Resident>()
  const queue = async () => {
    await queued.run(feeds, {}, {}, residents)
    residents.get('y')?.dispose()
  }
  await queue()
  await awaited.run(feeds, {})
  for (let runs = 1; ; runs *= 2) {
    const start = performance.now()
    for (let i = 1; i < runs; i++) await queue()
    await awaited.run(feeds, {})
    const seconds = (performance.now() - start) / 1000
    if (seconds > MIN_SECONDS) return seconds / runs
  }
}

async function measureGflops(device: Target, size: number, products: number): Promise<number> {
  const b = square('b', size)
  const product = Array.from({ length: products }).reduce<Tensor>((x) => matmul(x, b), square('a', size))
  const seconds = await secondsPerRun(device, `products of ${size}`, product, await uploadOperands(device, size))
  return (products * 2 * size ** 3) / seconds / 1e9
}

async function measure(device: Target): Promise<Measurement> {
  const small = await measureGflops(device, SMALL_SIZE, 1)
  // A software renderer would take minutes for the large products, and would be no faster at them.
  const slow = (CHAIN_LENGTH * 2 * LARGE_SIZE ** 3) / (small * 1e9) > 2
  const size = slow ? LARGE_SIZE : ARRAY_SIZE
  const sum = add(square('a', size), square('b', size))
  const seconds = await secondsPerRun(device, 'sum', sum, await uploadOperands(device, size))
  return {
    gflops: slow ? small : await measureGflops(device, LARGE_SIZE, CHAIN_LENGTH),
    gigabytesPerSecond: (3 * 4 * size ** 2) / seconds / 1e9,
  }
}

const [device, mode] = process.argv.slice(2) as [Target, 'open' | 'measure']
const supported = ort.listSupportedBackends().map(({ name }) => name)
try {
  await checkProducts(device)
  sendAnswer({ supported, ...(mode === 'measure' && { measurement: await measure(device) }) } satisfies OpenAnswer)
} catch (error) {
  sendAnswer({ supported, failure: (error as Error).message.trim() } satisfies OpenAnswer)
}
