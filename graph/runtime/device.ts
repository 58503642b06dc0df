import { sizeOf, symbolsOf } from '../dim.ts'
import { cast } from '../ops/elementwise.ts'
import { input } from '../ops/leaf.ts'
import { type Program, program } from '../program.ts'
import type { Tensor } from '../tensor.ts'
import { type DType, type Symbols, type Type, typeText } from '../types.ts'
import { deviceError } from './device-errors.ts'
import { isJoined, type Joined } from './joined.ts'
import { paddedSize, resized } from './padding.ts'
import type { Loaded, Pool } from './pool.ts'
import type { Data, SessionOptions } from './session.ts'
import { openThread } from './thread.ts'
import { openVariants } from './variants.ts'
import type { ResidentKey } from './worker.ts'

/** A value in the device's memory. */
export interface Held {
  readonly key: ResidentKey
  readonly type: FixedType
}

export interface FixedType {
  readonly dtype: DType
  readonly shape: readonly number[]
}

export type Operands = Readonly<Record<string, Data | Held>>

/** Of what is joined only the first size may be a symbol. */
type FedOperands = Readonly<Record<string, Data | Joined | Held>>

/** A device with memory of its own, such as a GPU, behind one thread. Values move there and back only when asked to. */
export interface Device extends Pool {
  /** What is bound is uploaded once: a value that changes must be one that is held. */
  load(program: Program, bound: Operands, options?: SessionOptions): Promise<DeviceLoaded>
  /** A place for a value, which is uploaded if it is given. */
  hold(type: FixedType, data?: Data): Held
  /** Uploads another value in place of the one that is held. */
  put(held: Held, data: Data): void
  read(held: Held): Promise<Data>
  free(...held: readonly Held[]): void
}

/** Host data on the device, and the number of loaded programs that are bound to it. */
interface Uploaded {
  programs: number
  held: Partial<Record<DType, Held>>
}

export interface DeviceLoaded extends Loaded {
  /**
   * Results that `into` names by a {@link Held} stay on the device, in its place, which may be an operand of the same run. Sizes that no
   * bound value has are padded with zeros, which must change no result: rows of weight zero, positions that are masked.
   */
  run(feeds: FedOperands, symbols: Symbols, into?: Operands): Promise<Record<string, Data>>
}

/** The pool as a device, if it is one. */
export const asDevice = (pool: Pool): Device | undefined => ('hold' in pool ? (pool as Device) : undefined)

/** Opens the WebGPU device that ONNX Runtime finds. A driver that is missing shows when the first program runs. */
export function openDevice(): Device {
  const thread = openThread()
  let keys = 0
  /** By the host data. It may be there in one precision or both. */
  const uploaded = new Map<Data, Uploaded>()
  const readers = new Map<string, DeviceLoaded>()

  // Requests are posted without waiting for those before; the thread takes them in order, and every failure shows in what needs it.
  const post: typeof thread.ask = (request) => {
    const answer = thread.ask(request)
    answer.catch(() => {})
    return answer
  }

  // A value that did not arrive fails whatever is run from then on, with the reason.
  let uploads: Promise<unknown> = Promise.resolve()
  const upload = (values: readonly (readonly [Held, Data])[]) => {
    if (values.length === 0) return
    const named = values.map(([held, data], i) => ({ held, data, from: `from${i}`, to: `to${i}` }))
    const copies = named.map(({ held: { type }, from, to }) => [to, arriving(from, type)] as const)
    const copy = open(program('upload', Object.fromEntries(copies)), {}, {})
    const arrived = copy.run(
      Object.fromEntries(named.map(({ from, data }) => [from, data])),
      {},
      Object.fromEntries(named.map(({ to, held }) => [to, held])),
    )
    uploads = Promise.all([uploads, arrived])
    uploads.catch(() => {})
    void copy.unload()
  }

  const free = (...held: readonly Held[]) => void post({ kind: 'free', keys: held.map(({ key }) => key) })

  function open(program: Program, bound: Operands, options: SessionOptions): DeviceLoaded {
    const { inputs, outputs } = program
    const used = Object.entries(bound).filter(([name]) => inputs[name])
    const exact = new Set(used.flatMap(([name]) => inputs[name].shape.flatMap(symbolsOf)))
    const variants = openVariants(program, options, post)
    const host = new Set(used.flatMap(([, value]) => (isHeld(value) ? [] : [value])))
    for (const data of host) {
      const { programs, held } = uploaded.get(data) ?? { programs: 0, held: {} }
      uploaded.set(data, { programs: programs + 1, held })
    }
    /** What the last program leaves would stay on the device for good. */
    const leave = () => {
      for (const data of host) {
        const entry = uploaded.get(data) as Uploaded
        entry.programs--
        if (entry.programs > 0) continue
        uploaded.delete(data)
        free(...Object.values(entry.held))
      }
      host.clear()
    }

    const held = (symbols: Symbols): [string, Held][] => {
      const missing: [Held, Data][] = []
      const all = used.map(([name, value]): [string, Held] => {
        if (isHeld(value)) return [name, value]
        const there = (uploaded.get(value) as Uploaded).held
        const known = there[inputs[name].dtype]
        if (known) return [name, known]
        const made = { key: keys++, type: fixed(inputs[name], symbols) }
        there[made.type.dtype] = made
        missing.push([made, value])
        return [name, made]
      })
      upload(missing)
      return all
    }

    return {
      async run(feeds, given, into = {}) {
        const symbols = Object.fromEntries(
          Object.entries(given).map(([name, size]) => [name, exact.has(name) ? size : paddedSize(size)]),
        )
        const residents = held(symbols)
        const values: Record<string, Data | Joined> = {}
        for (const [name, value] of Object.entries(feeds)) {
          if (!inputs[name]) continue
          if (isHeld(value)) residents.push([name, value])
          // What a larger size has more of are zeros at the end, which joining makes.
          else if (isJoined(value)) values[name] = value
          else values[name] = resized(value, fixed(inputs[name], given).shape, fixed(inputs[name], symbols).shape)
        }
        const keep = Object.entries(into).filter((entry): entry is [string, Held] => isHeld(entry[1]))
        const { key, ready } = variants.of(
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
          uploads,
        ]).catch((error) => {
          throw deviceError(error, 'webgpu')
        })
        const received = Object.entries(results).map(([name, padded]) => {
          const data = resized(padded, fixed(outputs[name], symbols).shape, fixed(outputs[name], given).shape)
          const buffer = into[name] as Data | undefined
          buffer?.set(data as never)
          return [name, buffer ?? data] as const
        })
        return Object.fromEntries(received)
      },
      unload: () => {
        leave()
        return variants.unload()
      },
    }
  }

  return {
    size: 1,
    hold(type, data) {
      const held = { key: keys++, type }
      if (data) upload([[held, data]])
      return held
    },
    put: (held, data) => upload([[held, data]]),
    async read(held) {
      const text = typeText(held.type)
      if (!readers.has(text)) {
        const value = input('value', held.type.dtype, held.type.shape)
        readers.set(text, open(program('read', { copy: value }), {}, {}))
      }
      return (await (readers.get(text) as DeviceLoaded).run({ value: held }, {})).copy
    },
    free,
    load: async (program, bound, options = {}) => open(program, bound, options),
    close: thread.close,
  }
}

const isHeld = (value: Data | Joined | Held): value is Held => 'key' in value

/** A value as it is uploaded. ONNX Runtime's binding for Node takes no halves, so those are made on the device. */
const arriving = (name: string, { dtype, shape }: FixedType): Tensor =>
  dtype === 'f16' ? cast(input(name, 'f32', shape), dtype) : input(name, dtype, shape)

const keysOf = (held: readonly (readonly [string, Held])[]) =>
  Object.fromEntries(held.map(([name, { key }]) => [name, key]))

const fixed = ({ dtype, shape }: Type, symbols: Symbols): FixedType => ({
  dtype,
  shape: shape.map((dim) => sizeOf(dim, symbols)),
})
