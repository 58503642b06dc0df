import { fail } from '../../core/errors.ts'
import { sizeOfShape } from '../../model/tensor-shapes.ts'
import { Global, type Pickled, type PickleRules, throwDamaged, unpickle } from './unpickle.ts'

/** The element types that Graft reads. In memory, every tensor is f32. */
export type TorchDtype = 'F32' | 'F16' | 'BF16' | 'F64'

const dtypes: ReadonlyMap<string, TorchDtype> = new Map([
  ['torch.FloatStorage', 'F32'],
  ['torch.HalfStorage', 'F16'],
  ['torch.BFloat16Storage', 'BF16'],
  ['torch.DoubleStorage', 'F64'],
])

const otherStorages = ['Long', 'Int', 'Short', 'Char', 'Byte', 'Bool', 'ComplexFloat', 'ComplexDouble'].map(
  (name) => `torch.${name}Storage`,
)

export const BYTES_PER_NUMBER: Readonly<Record<TorchDtype, number>> = { F32: 4, F16: 2, BF16: 2, F64: 8 }

/** Numbers in a file of their own, which tensors are views of. */
export interface TorchStorage {
  /** The class of its numbers, such as `torch.FloatStorage`. */
  readonly type: string
  readonly key: string
  /** How many numbers it has. */
  readonly length: number
}

/** A tensor of a state: a view of a storage. */
export interface TorchTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: TorchDtype
  readonly storage: TorchStorage
  /** The index of its first number. */
  readonly offset: number
  /** The distance between neighbours on each axis, in numbers. */
  readonly strides: readonly number[]
}

class View {
  readonly storage: TorchStorage
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  constructor(storage: TorchStorage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage
    this.offset = offset
    this.shape = shape
    this.strides = strides
  }
}

class Storage implements TorchStorage {
  readonly type: string
  readonly key: string
  readonly length: number
  constructor(type: string, key: string, length: number) {
    this.type = type
    this.key = key
    this.length = length
  }
}

const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0
const areCounts = (value: Pickled): value is readonly number[] => Array.isArray(value) && value.every(isCount)

/**
 * Reads the names and shapes of a state that `torch.save` wrote: the pickle in its archive, without the numbers.
 * @param maxTensors the maximum number of tensors
 * @throws GraftError `checkpoint_corrupt` if it is damaged, or contains something other than tensors
 */
export function parseState(pickle: Uint8Array, file: string, maxTensors: number): TorchTensor[] {
  const damaged = (problem: string): never => throwDamaged(file, problem)
  const rules: PickleRules = {
    names: new Set([...dtypes.keys(), ...otherStorages]),
    calls: new Map<string, (args: readonly Pickled[]) => Pickled>([
      ['collections.OrderedDict', () => new Map()],
      [
        'torch._utils._rebuild_tensor_v2',
        ([storage, offset, shape, strides]) =>
          storage instanceof Storage &&
          isCount(offset) &&
          areCounts(shape) &&
          areCounts(strides) &&
          shape.length === strides.length
            ? new View(storage, offset, shape, strides)
            : damaged('describes a tensor in an unknown way'),
      ],
      [
        'torch._utils._rebuild_parameter',
        ([tensor]) => (tensor instanceof View ? tensor : damaged('has a parameter without a tensor')),
      ],
    ]),
    persistent(id) {
      const [kind, type, key, _device, length] = Array.isArray(id) ? id : []
      if (kind !== 'storage' || !(type instanceof Global) || typeof key !== 'string' || !isCount(length))
        return damaged('refers to something other than a storage')
      // The key is the name of an entry of the archive.
      return new Storage(type.name, key, length)
    },
  }
  const state = unpickle(pickle, rules, file)
  if (!(state instanceof Map)) return throwNoState(file, state)
  if (state.size > maxTensors) damaged(`has more than ${maxTensors} tensors`)
  return [...state].map(([name, value]) => {
    if (typeof name !== 'string') return damaged('has a tensor without a name')
    if (!(value instanceof View)) return throwNoTensor(file, name)
    return toTensor(name, value, file)
  })
}

function toTensor(name: string, { storage, offset, shape, strides }: View, file: string): TorchTensor {
  const dtype = dtypes.get(storage.type)
  if (!dtype)
    return fail('checkpoint_corrupt', {
      subject: `${file}, ${name}`,
      expected: 'numbers of the type float32, float16, bfloat16 or float64',
      found: storage.type,
      fix: 'Save the weights in one of these types.',
    })
  const last = shape.reduce((index, size, axis) => index + (size - 1) * strides[axis], offset)
  const isWithin = sizeOfShape(shape) === 0 || (Number.isSafeInteger(last) && last < storage.length)
  if (!isWithin || !Number.isSafeInteger(sizeOfShape(shape)))
    throwDamaged(`${file}, ${name}`, 'reads beyond the end of its numbers')
  return { name, shape, dtype, storage, offset, strides }
}

function throwNoState(file: string, found: Pickled): never {
  fail('checkpoint_corrupt', {
    subject: file,
    expected: 'a dictionary of tensors (state_dict)',
    found: found instanceof View ? 'a single tensor' : 'another object',
    fix: 'Save the state of the model or adapter: torch.save(model.state_dict(), path).',
  })
}

function throwNoTensor(file: string, name: string): never {
  fail('checkpoint_corrupt', {
    subject: `${file}, ${name}`,
    expected: 'a tensor',
    found: 'another object',
    fix: 'If this file holds a whole training state, save only the state of the model: torch.save(model.state_dict(), path).',
  })
}
