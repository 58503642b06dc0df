import './no-telemetry.ts'
import * as ort from 'onnxruntime-node'
import { sizeOf } from '../dim.ts'
import type { Target } from '../onnx/emitter.ts'
import type { Executable } from '../onnx/lower.ts'
import type { DType, Symbols, Type } from '../types.ts'
import { isJoined, type Joined, join } from './joined.ts'

export type Data = Float32Array | Int32Array | BigInt64Array | Uint8Array

/** Values by name. Their shapes follow from the program, given the sizes of its symbols. */
export type Values = Readonly<Record<string, Data>>

export type Feeds = Readonly<Record<string, Data | Joined>>

/** A value that stays where the program runs, such as a buffer of a GPU. It is freed by `dispose`. */
export type Resident = ort.Tensor

export interface SessionOptions {
  /** Threads inside one op; 1 where several sessions run side by side. */
  threads?: number
  /** Writes ONNX Runtime's trace of every node to a file whose name begins so. */
  profile?: string
  /** Results that are not brought to host memory but returned as {@link Resident}. */
  keep?: readonly string[]
}

export interface Session {
  /**
   * Results go into the buffers of `into` where it names them, in place; the others are newly made.
   * @param kept receives the results that stay on the device
   */
  run(
    feeds: Readonly<Record<string, Data | Joined | Resident>>,
    symbols: Symbols,
    into?: Values,
    kept?: Map<string, Resident>,
  ): Promise<Record<string, Data>>
  close(): Promise<void>
}

const ORT_TYPE: Record<DType, ort.Tensor.Type> = {
  f32: 'float32',
  f16: 'float16',
  i32: 'int32',
  i64: 'int64',
  bool: 'bool',
  u8: 'uint8',
}

const PROVIDERS: Record<Target, readonly ort.InferenceSession.ExecutionProviderConfig[]> = {
  cpu: ['cpu'],
  webgpu: ['webgpu'],
  cuda: ['cuda'],
}

/** Loads a program into ONNX Runtime. `run` blocks its thread until the results are there: see {@link openPool}. */
export async function openSession(
  executable: Executable,
  { threads = 0, profile, keep = [] }: SessionOptions = {},
): Promise<Session> {
  const { name: program, target, model, inputs, outputs } = executable
  const place = (name: string) => [name, keep.includes(name) ? 'gpu-buffer' : 'cpu'] as const
  const session = await ort.InferenceSession.create(model, {
    executionProviders: PROVIDERS[target],
    intraOpNumThreads: threads,
    graphOptimizationLevel: 'all',
    // The sizes differ from batch to batch, and a plan of memory for each size seen is never given back.
    enableMemPattern: false,
    logSeverityLevel: 3,
    ...(profile && { enableProfiling: true, profileFilePrefix: profile }),
    ...(target === 'webgpu' && {
      preferredOutputLocation: Object.fromEntries(Object.keys(outputs).map(place)),
      // An op without a kernel for the device is an error here: on the CPU it would make every step wait for copies.
      extra: { session: { disable_cpu_ep_fallback: '1' } },
    }),
  })

  const onHost = target === 'cpu'
  /** On the CPU a result was written where it belongs; what came from a device is copied there. */
  const received = (data: Data, buffer: Data | undefined): Data => {
    if (buffer && !onHost) buffer.set(data as never)
    return buffer ?? data
  }
  const wrap = (name: string, given: Data | Joined | Resident | undefined, type: Type, symbols: Symbols) => {
    if (isResident(given)) return given
    const dims = type.shape.map((d) => sizeOf(d, symbols))
    const size = dims.reduce((a, b) => a * b, 1)
    const data = given && isJoined(given) ? join(given, size) : given
    if (data?.length !== size)
      throw new Error(
        `${program}: ${name} needs ${size} values for [${dims.join(', ')}], got ${data?.length ?? 'none'}`,
      )
    return new ort.Tensor(ORT_TYPE[type.dtype], converted(data, type.dtype) as never, dims)
  }

  return {
    async run(feeds, symbols, into = {}, kept) {
      const given = Object.entries(inputs).map(
        ([name, type]) => [name, wrap(name, feeds[name], type, symbols)] as const,
      )
      const wanted = Object.entries(outputs).map(
        ([name, type]) => [name, into[name] && onHost ? wrap(name, into[name], type, symbols) : null] as const,
      )
      const results = await session.run(Object.fromEntries(given), Object.fromEntries(wanted))
      const values: Record<string, Data> = {}
      for (const name of Object.keys(outputs)) {
        if (keep.includes(name)) kept?.set(name, results[name])
        else values[name] = received(results[name].data as Data, into[name])
      }
      return values
    },
    close: async () => {
      if (profile) session.endProfiling()
      await session.release()
    },
  }
}

const isResident = (value: Data | Joined | Resident | undefined): value is Resident => value instanceof ort.Tensor

/** Bytes are numbers on a device that has no bytes. */
const converted = (data: Data, dtype: DType): Data =>
  dtype === 'f32' && data instanceof Uint8Array ? Float32Array.from(data) : data
