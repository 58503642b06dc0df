import { cast, mul } from '../../graph/ops/elementwise.ts'
import { input } from '../../graph/ops/leaf.ts'
import { reshape } from '../../graph/ops/shape.ts'
import { buildProgram, type Program, substitute } from '../../graph/program.ts'
import type { Model } from '../../model/architecture.ts'
import type { ParameterValues } from '../adapter-tensors.ts'
import { fromInt8Rows, SCALE_SUFFIX, toInt8Rows } from '../int8-rows.ts'

/** The weights of exported files: how a program reads them, and their values. */
export interface Weights {
  /** Names the files, as transformers.js knows them. */
  readonly suffix: string
  /** The values that are stored, by the names of the program's inputs. */
  readonly stored: ReadonlyMap<string, ArrayBufferView>
  /** The values with which the program computes. */
  readonly values: ParameterValues
  /** Returns a program that reads the stored values. */
  apply(program: Program): Program
}

/** Stores every weight as it is. */
export const asFloats = (values: ParameterValues): Weights => ({
  suffix: '',
  stored: values,
  values,
  apply: (program) => program,
})

/**
 * Stores each large matrix of the model as int8 codes with a scale for each of its rows, which the program multiplies.
 * ONNX Runtime does so once, when it loads the file. Parameters of the method stay f32: they are small.
 */
export function asInt8Rows(weights: ParameterValues, { tensors }: Model): Weights {
  const shapes = tensors.map(({ name, shape }) => [name, { shape, data: weights.get(name) as Float32Array }] as const)
  const [stored, values] = [new Map<string, ArrayBufferView>(weights), new Map(weights)]
  const rounded = toInt8Rows(new Map(shapes))
  const codes = new Map<string, readonly number[]>()
  for (const [name, { shape, data }] of rounded) {
    stored.set(name, data)
    const scales = rounded.get(name + SCALE_SUFFIX)?.data
    if (!(data instanceof Int8Array) || !(scales instanceof Float32Array)) continue
    codes.set(name, shape)
    const into = new Float32Array(data.length)
    fromInt8Rows(data, scales, into)
    values.set(name, into)
  }
  const rows = [...codes].map(([name, shape]) => {
    const scales = reshape(input(name + SCALE_SUFFIX, 'f32', [shape[0]]), [shape[0], 1])
    return [name, mul(cast(input(name, 'i8', shape), 'f32'), scales)] as const
  })
  return {
    suffix: '_quantized',
    stored,
    values,
    apply: (program) => buildProgram(program.name, substitute(program, Object.fromEntries(rows))),
  }
}
