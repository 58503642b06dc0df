import type { Values } from '../graph/runtime/session.ts'
import type { Model } from './architecture.ts'
import type { Linear } from './modules.ts'
import { quantizableLinears, quantizedNames, transposedNames } from './quantized-weights.ts'

const MAX_CODE = 127

/**
 * Rounds the weights of a Linear to 8 bits: w ≈ code · scale, with a scale for each output.
 *
 * Processors with AVX2 or AVX-512 but without VNNI add the products of two neighbouring inputs in 16 bits, and
 * saturate. An activation has a code of at most 255 there, so two neighbours of the same sign may have codes of at most
 * 128 together. Their sum decides the scale if it is larger than any single weight. This costs less than halving all
 * codes would, and every processor computes the same.
 *
 * @param weight [outputs, inputs], finite
 * @param codes receives the codes [inputs, outputs]
 * @param scales receives the scales [outputs]
 */
export function quantizeLinear(
  weight: Float32Array,
  { inputs, outputs }: Pick<Linear, 'inputs' | 'outputs'>,
  codes: Int8Array,
  scales: Float32Array,
): void {
  for (let output = 0; output < outputs; output++) {
    const row = weight.subarray(output * inputs, (output + 1) * inputs)
    // Rounding adds at most 1 to the sum of two codes. A row of zeros has the scale 0.
    const scale = Math.fround(largestPair(row) / MAX_CODE)
    scales[output] = scale
    const factor = scale === 0 ? 0 : 1 / scale
    // Math.round would take three times as long.
    for (let i = 0, to = output; i < inputs; i++, to += outputs) codes[to] = Math.floor(row[i] * factor + 0.5)
  }
}

/** Returns the largest absolute value, or the largest absolute sum of two neighbours of one sign. */
function largestPair(row: Float32Array): number {
  let largest = 0
  for (let i = 0; i < row.length; i += 2) {
    const a = row[i]
    const b = i + 1 < row.length ? row[i + 1] : 0
    const [sizeA, sizeB, sizeOfSum] = [Math.abs(a), Math.abs(b), Math.abs(a + b)]
    // Comparisons are faster than Math.max, which also looks for NaN and -0.
    if (sizeA > largest) largest = sizeA
    if (sizeB > largest) largest = sizeB
    if (sizeOfSum > largest) largest = sizeOfSum
  }
  return largest
}

/**
 * Returns the 8-bit weights of all Linears that can have them, by the names of a program's inputs. They are shared.
 * @param differentiable also returns the weights that gradients are computed with. Defaults to false
 */
export function quantizeLinears(
  tensors: ReadonlyMap<string, Float32Array>,
  model: Pick<Model, 'linears'>,
  { differentiable = false }: { differentiable?: boolean } = {},
): Values {
  const values: Record<string, Float32Array | Int8Array> = {}
  for (const linear of quantizableLinears(model)) {
    const { inputs, outputs } = linear
    const weight = tensors.get(`${linear.name}.weight`) as Float32Array
    const quantize = (names: ReturnType<typeof quantizedNames>, matrix: Float32Array, sizes: typeof linear) => {
      const scales = new Float32Array(new SharedArrayBuffer(4 * sizes.outputs))
      const codes = new Int8Array(new SharedArrayBuffer(matrix.length))
      quantizeLinear(matrix, sizes, codes, scales)
      Object.assign(values, { [names.codes]: codes, [names.scales]: scales })
    }
    quantize(quantizedNames(linear), weight, linear)
    if (differentiable)
      quantize(transposedNames(linear), transpose(weight, linear), { ...linear, inputs: outputs, outputs: inputs })
  }
  return values
}

/** weight [outputs, inputs] -> [inputs, outputs]. */
function transpose(weight: Float32Array, { inputs, outputs }: Pick<Linear, 'inputs' | 'outputs'>): Float32Array {
  const transposed = new Float32Array(weight.length)
  for (let output = 0, from = 0; output < outputs; output++)
    for (let i = 0, to = output; i < inputs; i++, to += outputs) transposed[to] = weight[from++]
  return transposed
}
