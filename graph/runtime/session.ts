import * as ort from 'onnxruntime-node'
import { sizeOf } from '../dim.ts'
import type { Executable } from '../onnx/lower.ts'
import type { DType, Type } from '../types.ts'

export type Data = Float32Array | Int32Array | BigInt64Array | Uint8Array

/** Values by name. Their shapes follow from the program, given the sizes of its symbols. */
export type Values = Readonly<Record<string, Data>>

/** The sizes of the symbolic dimensions, such as `{ batch: 4, source: 128 }`. */
export type Symbols = Readonly<Record<string, number>>

export interface SessionOptions {
  /** Threads inside one op; 1 where several sessions run side by side. */
  threads?: number
  /** Writes ONNX Runtime's trace of every node to a file whose name begins so. */
  profile?: string
}

export interface Session {
  /** Results go into the buffers of `into` where it names them, in place; the others are newly made. */
  run(feeds: Values, symbols: Symbols, into?: Values): Promise<Record<string, Data>>
  close(): Promise<void>
}

const ORT_TYPE: Record<DType, ort.Tensor.Type> = {
  f32: 'float32',
  i32: 'int32',
  i64: 'int64',
  bool: 'bool',
  u8: 'uint8',
}

/** Loads a program into ONNX Runtime's CPU provider. `run` blocks its thread until the results are there: see {@link openPool}. */
export async function openSession(
  executable: Executable,
  { threads = 0, profile }: SessionOptions = {},
): Promise<Session> {
  const { name: program, model, inputs, outputs } = executable
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    graphOptimizationLevel: 'all',
    // The sizes differ from batch to batch, and a plan of memory for each size seen is never given back.
    enableMemPattern: false,
    logSeverityLevel: 3,
    ...(profile && { enableProfiling: true, profileFilePrefix: profile }),
  })

  const wrap = (name: string, data: Data | undefined, type: Type, symbols: Symbols) => {
    const dims = type.shape.map((d) => sizeOf(d, symbols))
    const size = dims.reduce((a, b) => a * b, 1)
    if (data?.length !== size)
      throw new Error(
        `${program}: ${name} needs ${size} values for [${dims.join(', ')}], got ${data?.length ?? 'none'}`,
      )
    return new ort.Tensor(ORT_TYPE[type.dtype], data as never, dims)
  }

  return {
    async run(feeds, symbols, into = {}) {
      const given = Object.entries(inputs).map(
        ([name, type]) => [name, wrap(name, feeds[name], type, symbols)] as const,
      )
      const wanted = Object.entries(outputs).map(
        ([name, type]) => [name, into[name] ? wrap(name, into[name], type, symbols) : null] as const,
      )
      const results = await session.run(Object.fromEntries(given), Object.fromEntries(wanted))
      return Object.fromEntries(Object.keys(outputs).map((name) => [name, into[name] ?? (results[name].data as Data)]))
    },
    close: async () => {
      if (profile) session.endProfiling()
      await session.release()
    },
  }
}
