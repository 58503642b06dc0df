import '../no-telemetry.ts'
import * as ort from 'onnxruntime-node'
import type { Target } from '../../onnx/emitter.ts'
import { lower } from '../../onnx/lower.ts'
import { add } from '../../ops/elementwise.ts'
import { input } from '../../ops/leaf.ts'
import { matmul } from '../../ops/matmul.ts'
import { slice } from '../../ops/slice.ts'
import { program } from '../../program.ts'
import type { Tensor } from '../../tensor.ts'
import { type Data, openSession, type Resident } from '../session.ts'
import { answer } from './query-child.ts'

export interface Measured {
  /** f32, products of square matrices: 10^9 additions and multiplications a second. */
  gflops: number
  /** Bytes read and written by the sum of two arrays that fit no cache. */
  gigabytesPerSecond: number
}

/** What ONNX Runtime says of a device: what it is made for, whether a program runs there and computes rightly, and how fast. */
export type OpenAnswer =
  | { supported: readonly string[]; failure: string }
  | { supported: readonly string[]; measured?: Measured }

type Feeds = Record<string, Data | Resident>

const SMALL = 256
const LARGE = 1024
/** Large products in one run: enough that starting it costs little beside them. */
const CHAIN = 4
/** Two arrays of 64 MiB, past most caches. */
const ARRAY = 4096
const SECONDS = 0.3

const open = (device: Target, name: string, outputs: Record<string, Tensor>, keep: readonly string[] = []) =>
  openSession(lower(program(name, outputs), device, { symbols: {} }), { keep })

const square = (name: string, size: number) => input(name, 'f32', [size, size])

/** A driver that computes wrongly is worse than none: [8, 8] products against the same sums in JavaScript. */
async function computes(device: Target): Promise<void> {
  const size = 8
  const session = await open(device, 'check', { c: matmul(square('a', size), square('b', size)) })
  const a = Float32Array.from({ length: size * size }, (_, i) => (i % 7) - 3)
  const b = Float32Array.from({ length: size * size }, (_, i) => (i % 5) - 2)
  const { c: found } = await session.run({ a, b }, {})
  for (let i = 0; i < size * size; i++) {
    const [row, column] = [Math.floor(i / size), i % size]
    let expected = 0
    for (let k = 0; k < size; k++) expected += a[row * size + k] * b[k * size + column]
    if (found[i] !== expected) throw new Error(`it computes wrongly: ${found[i]} where ${expected} is right`)
  }
}

/** Values that stay on the device, from one upload. */
async function uploaded(device: Target, size: number): Promise<Feeds> {
  const values = new Float32Array(size * size).fill(1 / size)
  if (device !== 'webgpu') return { a: values, b: values }
  const identity = await open(device, 'upload', { a: square('x', size), b: square('y', size) }, ['a', 'b'])
  const kept = new Map<string, Resident>()
  await identity.run({ x: values, y: values }, {}, {}, kept)
  return Object.fromEntries(kept)
}

/** Seconds of one run among many: a GPU's queue is filled, then waited for by a last run whose result comes to the CPU. */
async function secondsOfOne(device: Target, name: string, result: Tensor, feeds: Feeds): Promise<number> {
  const corner = { y: slice(slice(result, 0, 0, 1), 1, 0, 1) }
  const [queued, waited] = [await open(device, name, corner, ['y']), await open(device, name, corner)]
  const kept = new Map<string, Resident>()
  const queue = async () => {
    await queued.run(feeds, {}, {}, kept)
    kept.get('y')?.dispose()
  }
  await queue()
  await waited.run(feeds, {})
  for (let runs = 1; ; runs *= 2) {
    const start = performance.now()
    for (let i = 1; i < runs; i++) await queue()
    await waited.run(feeds, {})
    const seconds = (performance.now() - start) / 1000
    if (seconds > SECONDS) return seconds / runs
  }
}

async function gflops(device: Target, size: number, products: number): Promise<number> {
  const b = square('b', size)
  const product = Array.from({ length: products }).reduce<Tensor>((x) => matmul(x, b), square('a', size))
  const seconds = await secondsOfOne(device, `products of ${size}`, product, await uploaded(device, size))
  return (products * 2 * size ** 3) / seconds / 1e9
}

async function measure(device: Target): Promise<Measured> {
  const small = await gflops(device, SMALL, 1)
  // A software renderer would take minutes over the large ones, and its speed is the same.
  const slow = (CHAIN * 2 * LARGE ** 3) / (small * 1e9) > 2
  const size = slow ? LARGE : ARRAY
  const sum = add(square('a', size), square('b', size))
  const seconds = await secondsOfOne(device, 'sum', sum, await uploaded(device, size))
  return {
    gflops: slow ? small : await gflops(device, LARGE, CHAIN),
    gigabytesPerSecond: (3 * 4 * size ** 2) / seconds / 1e9,
  }
}

const [device, wish] = process.argv.slice(2) as [Target, 'open' | 'measure']
const supported = ort.listSupportedBackends().map(({ name }) => name)
try {
  await computes(device)
  answer({ supported, ...(wish === 'measure' && { measured: await measure(device) }) } satisfies OpenAnswer)
} catch (error) {
  answer({ supported, failure: (error as Error).message.trim() } satisfies OpenAnswer)
}
