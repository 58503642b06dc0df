import { sizeOf, symbolsOf } from '../dim.ts'
import { cast } from '../ops/elementwise.ts'
import { input } from '../ops/leaf.ts'
import { buildProgram, type Program } from '../program.ts'
import type { Tensor } from '../tensor.ts'
import { type DType, formatType, type Symbols, type Type } from '../types.ts'
import { type Concatenation, isConcatenation } from './concatenation.ts'
import { toDeviceError } from './device-errors.ts'
import { paddedSize, resize } from './padding.ts'
import type { LoadedProgram, Pool } from './pool.ts'
import type { Data, SessionOptions } from './session.ts'
import { openThread } from './thread.ts'
import { openVariants } from './variants.ts'
import type { ResidentKey } from './worker.ts'

/** A tensor in the memory of a device. */
export interface DeviceTensor {
  readonly key: ResidentKey
  readonly type: StaticType
}

/** A type without symbols. */
export interface StaticType {
  readonly dtype: DType
  readonly shape: readonly number[]
}

/** Values by name, in host or device memory. */
export type Operands = Readonly<Record<string, Data | DeviceTensor>>

/** Operands that are fed on a run. Only the first size of a concatenation may be a symbol. */
type FeedOperands = Readonly<Record<string, Data | Concatenation | DeviceTensor>>

/** A device with its own memory, such as a GPU, behind one thread. Values are copied to and from it only on request. */
export interface Device extends Pool {
  /** Loads a program. Bound host data is uploaded once, so a value that changes must be a {@link DeviceTensor}. */
  load(program: Program, bound: Operands, options?: SessionOptions): Promise<DeviceProgram>
  /** Allocates a tensor on the device, and uploads `data` if it is set. */
  allocate(type: StaticType, data?: Data): DeviceTensor
  /** Replaces the value of a tensor by uploading `data`. */
  write(tensor: DeviceTensor, data: Data): void
  /** Downloads the value of a tensor. */
  read(tensor: DeviceTensor): Promise<Data>
  /** Frees tensors. */
  free(...tensors: readonly DeviceTensor[]): void
}

/** Host data that was uploaded, and the number of loaded programs that it is bound to. */
interface Upload {
  programs: number
  /** The uploaded tensors. There is one per precision in which programs use the data. */
  tensors: Partial<Record<DType, DeviceTensor>>
}

/** A program that is loaded on a device. */
export interface DeviceProgram extends LoadedProgram {
  /**
   * Runs the program. A result for which `into` has a {@link DeviceTensor} stays on the device and replaces its value,
   * even if the same run reads that tensor. Sizes that no bound value has are padded with zeros, which must not change
   * any result: rows must have weight zero, and positions must be masked.
   */
  run(feeds: FeedOperands, symbols: Symbols, into?: Operands): Promise<Record<string, Data>>
}

/** Returns the pool as a device, or undefined if it is not one. */
export const asDevice = (pool: Pool): Device | undefined => ('allocate' in pool ? (pool as Device) : undefined)

/** Opens the WebGPU device that ONNX Runtime selects. If a driver is missing, the first run of a program throws. */
export function openDevice(): Device {
  const thread = openThread()
  let nextKey = 0
  /** The uploads, by their host data. */
  const uploads = new Map<Data, Upload>()
  const readers = new Map<string, DeviceProgram>()

  // Requests are sent without waiting for earlier ones: the thread handles them in order, and a failure rejects the
  // runs that depend on it.
  const post: typeof thread.send = (request) => {
    const response = thread.send(request)
    response.catch(() => {})
    return response
  }

  // If an upload fails, all later runs fail with its error.
  let pendingUploads: Promise<unknown> = Promise.resolve()
  const upload = (values: readonly (readonly [DeviceTensor, Data])[]) => {
    if (values.length === 0) return
    const named = values.map(([tensor, data], i) => ({ tensor, data, from: `from${i}`, to: `to${i}` }))
    const copies = named.map(({ tensor: { type }, from, to }) => [to, uploadedInput(from, type)] as const)
    const copy = open(buildProgram('upload', Object.fromEntries(copies)), {}, {})
    const uploaded = copy.run(
      Object.fromEntries(named.map(({ from, data }) => [from, data])),
      {},
      Object.fromEntries(named.map(({ to, tensor }) => [to, tensor])),
    )
    pendingUploads = Promise.all([pendingUploads, uploaded])
    pendingUploads.catch(() => {})
    void copy.unload()
  }

  const free = (...tensors: readonly DeviceTensor[]) => void post({ kind: 'free', keys: tensors.map(({ key }) => key) })

  function open(program: Program, bound: Operands, options: SessionOptions): DeviceProgram {
    const { inputs, outputs } = program
    const used = Object.entries(bound).filter(([name]) => inputs[name])
    const unpaddedSymbols = new Set(used.flatMap(([name]) => inputs[name].shape.flatMap(symbolsOf)))
    const variants = openVariants(program, options, post)
    const hostData = new Set(used.flatMap(([, value]) => (isDeviceTensor(value) ? [] : [value])))
    for (const data of hostData) {
      const { programs, tensors } = uploads.get(data) ?? { programs: 0, tensors: {} }
      uploads.set(data, { programs: programs + 1, tensors })
    }
    /** Frees the uploads that no other program uses. */
    const releaseUploads = () => {
      for (const data of hostData) {
        const entry = uploads.get(data) as Upload
        entry.programs--
        if (entry.programs > 0) continue
        uploads.delete(data)
        free(...Object.values(entry.tensors))
      }
      hostData.clear()
    }

    /** Returns the bound tensors, and uploads those that are not on the device yet. */
    const bindTensors = (symbols: Symbols): [string, DeviceTensor][] => {
      const missing: [DeviceTensor, Data][] = []
      const tensors = used.map(([name, value]): [string, DeviceTensor] => {
        if (isDeviceTensor(value)) return [name, value]
        const existing = (uploads.get(value) as Upload).tensors
        const found = existing[inputs[name].dtype]
        if (found) return [name, found]
        const tensor = { key: nextKey++, type: toStaticType(inputs[name], symbols) }
        existing[tensor.type.dtype] = tensor
        missing.push([tensor, value])
        return [name, tensor]
      })
      upload(missing)
      return tensors
    }

    return {
      async run(feeds, requested, into = {}) {
        const symbols = Object.fromEntries(
          Object.entries(requested).map(([name, size]) => [name, unpaddedSymbols.has(name) ? size : paddedSize(size)]),
        )
        const residents = bindTensors(symbols)
        const values: Record<string, Data | Concatenation> = {}
        for (const [name, value] of Object.entries(feeds)) {
          if (!inputs[name]) continue
          if (isDeviceTensor(value)) residents.push([name, value])
          // The thread fills a concatenation with zeros up to the padded size.
          else if (isConcatenation(value)) values[name] = value
          else
            values[name] = resize(
              value,
              toStaticType(inputs[name], requested).shape,
              toStaticType(inputs[name], symbols).shape,
            )
        }
        const keep = Object.entries(into).filter((entry): entry is [string, DeviceTensor] => isDeviceTensor(entry[1]))
        const { key, ready } = variants.get(
          symbols,
          keep.map(([name]) => name),
        )
        const [results] = await Promise.all([
          post({
            kind: 'run',
            key,
            feeds: values,
            symbols,
            into: {},
            residents: keysOf(residents),
            keep: keysOf(keep),
          }),
          ready,
          pendingUploads,
        ]).catch((error) => {
          throw toDeviceError(error, 'webgpu')
        })
        const delivered = Object.entries(results).map(([name, padded]) => {
          const data = resize(
            padded,
            toStaticType(outputs[name], symbols).shape,
            toStaticType(outputs[name], requested).shape,
          )
          const buffer = into[name] as Data | undefined
          buffer?.set(data as never)
          return [name, buffer ?? data] as const
        })
        return Object.fromEntries(delivered)
      },
      unload: () => {
        releaseUploads()
        return variants.unload()
      },
    }
  }

  return {
    size: 1,
    allocate(type, data) {
      const tensor = { key: nextKey++, type }
      if (data) upload([[tensor, data]])
      return tensor
    },
    write: (tensor, data) => upload([[tensor, data]]),
    async read(tensor) {
      const type = formatType(tensor.type)
      if (!readers.has(type)) {
        const value = input('value', tensor.type.dtype, tensor.type.shape)
        readers.set(type, open(buildProgram('read', { copy: value }), {}, {}))
      }
      return (await (readers.get(type) as DeviceProgram).run({ value: tensor }, {})).copy
    },
    free,
    load: async (program, bound, options = {}) => open(program, bound, options),
    close: thread.close,
  }
}

const isDeviceTensor = (value: Data | Concatenation | DeviceTensor): value is DeviceTensor => 'key' in value

/** Returns the input of an upload. ONNX Runtime's Node binding does not accept f16, so the device converts from f32. */
const uploadedInput = (name: string, { dtype, shape }: StaticType): Tensor =>
  dtype === 'f16' ? cast(input(name, 'f32', shape), dtype) : input(name, dtype, shape)

const keysOf = (tensors: readonly (readonly [string, DeviceTensor])[]) =>
  Object.fromEntries(tensors.map(([name, { key }]) => [name, key]))

const toStaticType = ({ dtype, shape }: Type, symbols: Symbols): StaticType => ({
  dtype,
  shape: shape.map((dim) => sizeOf(dim, symbols)),
})
