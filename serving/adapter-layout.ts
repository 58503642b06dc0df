import type { Values } from '../graph/runtime/session.ts'
import type { Model } from '../model/architecture.ts'
import type { Linear } from '../model/modules.ts'
import { quantizeLinear } from '../model/quantize-linear.ts'
import { quantizableLinears, quantizedNames, type ServingPrecision } from '../model/quantized-weights.ts'
import { type NamedShape, packTensors, totalSize } from '../model/tensor-shapes.ts'

/**
 * How an adapter lies in memory: its tensors as f32 one after the other, then, in int8, the scales and the codes of
 * Linears whose weights it replaces. Those weights are not among the f32 tensors.
 */
export interface AdapterLayout {
  readonly bytes: number
  /** True if weights are stored in 8 bits only. */
  readonly isRounded: boolean
  /** Copies the values of the tensors to memory. */
  place(values: ReadonlyMap<string, Float32Array>, memory: SharedArrayBuffer, offset: number): void
  /** Returns the inputs of a program as views of the memory. */
  view(memory: ArrayBufferLike, offset: number): Values
}

/** @param tensors the tensors of the method */
export function layoutOf(tensors: readonly NamedShape[], model: Model, precision: ServingPrecision): AdapterLayout {
  const replaced = new Set(tensors.map(({ name }) => name))
  const linears =
    precision === 'int8' ? quantizableLinears(model).filter(({ name }) => replaced.has(weightOf(name))) : []
  const rounded = new Set(linears.map(({ name }) => weightOf(name)))
  const floats = tensors.filter(({ name }) => !rounded.has(name))
  const scalesFrom = 4 * totalSize(floats)
  const codesFrom = scalesFrom + 4 * linears.reduce((sum, { outputs }) => sum + outputs, 0)
  const codesBytes = linears.reduce((sum, linear) => sum + sizeOf(linear), 0)

  const viewLinears = (memory: ArrayBufferLike, offset: number) => {
    let [scales, codes] = [offset + scalesFrom, offset + codesFrom]
    return linears.map((linear) => {
      const views = {
        linear,
        scales: new Float32Array(memory, scales, linear.outputs),
        codes: new Int8Array(memory, codes, sizeOf(linear)),
      }
      scales += 4 * linear.outputs
      codes += sizeOf(linear)
      return views
    })
  }
  const viewFloats = (memory: ArrayBufferLike, offset: number) =>
    packTensors(floats).map(
      ({ name, from, size }) => [name, new Float32Array(memory, offset + 4 * from, size)] as const,
    )

  return {
    // A multiple of four, so that the whole can be viewed as f32.
    bytes: codesFrom + 4 * Math.ceil(codesBytes / 4),
    isRounded: linears.length > 0,
    place(values, memory, offset) {
      for (const [name, view] of viewFloats(memory, offset)) view.set(values.get(name) as Float32Array)
      for (const { linear, codes, scales } of viewLinears(memory, offset))
        quantizeLinear(values.get(weightOf(linear.name)) as Float32Array, linear, codes, scales)
    },
    view: (memory, offset) => ({
      ...Object.fromEntries(viewFloats(memory, offset)),
      ...Object.fromEntries(
        viewLinears(memory, offset).flatMap(({ linear, codes, scales }) => {
          const names = quantizedNames(linear)
          return [
            [names.codes, codes],
            [names.scales, scales],
          ]
        }),
      ),
    }),
  }
}

const weightOf = (linear: string): string => `${linear}.weight`

const sizeOf = ({ inputs, outputs }: Linear): number => inputs * outputs
