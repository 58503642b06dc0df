import './no-telemetry.ts'
import * as ort from 'onnxruntime-node'
import { freeNow } from '../../core/shared-memory.ts'
import { sizeOf } from '../dim.ts'
import type { Target } from '../onnx/emitter.ts'
import type { Executable } from '../onnx/lower.ts'
import type { DType, Symbols, Type } from '../types.ts'
import { type Concatenation, concatenate, isConcatenation } from './concatenation.ts'

export type Data = Float32Array | Int32Array | BigInt64Array | Uint8Array | Int8Array

/** Values by name. Their shapes follow from the program and the sizes of its symbols. */
export type Values = Readonly<Record<string, Data>>

/** Inputs of a run by name. */
export type Feeds = Readonly<Record<string, Data | Concatenation>>

/** A value that stays on the device of a session, such as a GPU buffer. `dispose` frees it. */
export type Resident = ort.Tensor

export interface SessionOptions {
  /** The number of threads inside one op. Use 1 if several sessions run in parallel. Defaults to one per core. */
  threads?: number
  /** The path prefix of the file that ONNX Runtime writes its trace of every node to. Defaults to no trace. */
  profile?: string
  /** The names of results that stay on the device as {@link Resident}s. Defaults to none. */
  keep?: readonly string[]
  /**
   * Keeps the memory of intermediate results on the CPU for the next run. Without it, a run takes a few percent longer.
   * Defaults to true.
   */
  keepMemory?: boolean
}

/** A program that is loaded into ONNX Runtime. */
export interface Session {
  /**
   * Runs the program. Results that `into` names are written to its buffers; the others are newly allocated.
   * @param residents receives the results that stay on the device
   */
  run(
    feeds: Readonly<Record<string, Data | Concatenation | Resident>>,
    symbols: Symbols,
    into?: Values,
    residents?: Map<string, Resident>,
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
  i8: 'int8',
}

const PROVIDERS: Record<Target, readonly ort.InferenceSession.ExecutionProviderConfig[]> = {
  cpu: ['cpu'],
  // Graft has no convolutions. With the other layout, ONNX Runtime transposes around each BatchNormalization.
  webgpu: [{ name: 'webgpu', preferredLayout: 'NCHW' }],
  cuda: ['cuda'],
  portable: ['cpu'],
}

/** A lowered program, in memory or as the path of its file. */
export type LoadableProgram = Omit<Executable, 'model'> & { readonly model: Executable['model'] | string }

/** Loads a program into ONNX Runtime. `run` blocks the calling thread until the results are ready; see `openPool`. */
export async function openSession(
  executable: LoadableProgram,
  { threads = 0, profile, keep = [], keepMemory = true }: SessionOptions = {},
): Promise<Session> {
  const { name: program, target, model, inputs, outputs } = executable
  const locationOf = (name: string) => [name, keep.includes(name) ? 'gpu-buffer' : 'cpu'] as const
  const session = await ort.InferenceSession.create(model as string, {
    executionProviders: PROVIDERS[target],
    intraOpNumThreads: threads,
    graphOptimizationLevel: 'all',
    // Sizes differ from batch to batch, and ONNX Runtime never frees the memory plan that it makes for each size.
    enableMemPattern: false,
    enableCpuMemArena: keepMemory,
    logSeverityLevel: 3,
    ...(profile && { enableProfiling: true, profileFilePrefix: profile }),
    ...(target === 'webgpu' && {
      preferredOutputLocation: Object.fromEntries(Object.keys(outputs).map(locationOf)),
      // Reject ops that have no kernel for the device: running them on the CPU would make every step wait for copies.
      extra: { session: { disable_cpu_ep_fallback: '1' } },
    }),
  })

  const onHost = target === 'cpu'
  /** Returns a result in its buffer. On the CPU it was written there directly; from a device it is copied. */
  const deliver = (data: Data, buffer: Data | undefined): Data => {
    if (!buffer) return data
    if (!onHost) buffer.set(data as never)
    // The binding has copied the result even so.
    freeNow(data)
    return buffer
  }
  const toOrtTensor = (
    name: string,
    value: Data | Concatenation | Resident | undefined,
    type: Type,
    symbols: Symbols,
  ) => {
    if (isResident(value)) return value
    const dims = type.shape.map((d) => sizeOf(d, symbols))
    const size = dims.reduce((a, b) => a * b, 1)
    const data = value && isConcatenation(value) ? concatenate(value, size) : value
    if (data?.length !== size)
      throw new Error(
        `${program}: ${name} has the shape [${dims.join(', ')}] and needs ${size} values, but got ${data?.length ?? 'none'}`,
      )
    return new ort.Tensor(ORT_TYPE[type.dtype], toElementType(data, type.dtype) as never, dims)
  }

  return {
    async run(feeds, symbols, into = {}, residents) {
      const operands = Object.entries(inputs).map(
        ([name, type]) => [name, toOrtTensor(name, feeds[name], type, symbols)] as const,
      )
      const targets = Object.entries(outputs).map(
        ([name, type]) => [name, into[name] && onHost ? toOrtTensor(name, into[name], type, symbols) : null] as const,
      )
      const results = await session.run(Object.fromEntries(operands), Object.fromEntries(targets))
      const values: Record<string, Data> = {}
      for (const name of Object.keys(outputs)) {
        if (keep.includes(name)) residents?.set(name, results[name])
        else values[name] = deliver(results[name].data as Data, into[name])
      }
      return values
    },
    close: async () => {
      if (profile) session.endProfiling()
      await session.release()
    },
  }
}

const isResident = (value: Data | Concatenation | Resident | undefined): value is Resident =>
  value instanceof ort.Tensor

/** Converts bytes to f32 for devices that have no byte type. */
const toElementType = (data: Data, dtype: DType): Data =>
  dtype === 'f32' && data instanceof Uint8Array ? Float32Array.from(data) : data
