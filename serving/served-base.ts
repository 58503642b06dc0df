import type { Base } from '../checkpoint/base.ts'
import type { Values } from '../graph/runtime/session.ts'
import type { Model } from '../model/architecture.ts'
import { modelOf } from '../model/architectures.ts'
import { quantizeLinears } from '../model/quantize-linear.ts'
import type { ServingPrecision } from '../model/quantized-weights.ts'

/** A base as an engine runs it. */
export interface ServedBase {
  readonly base: Base
  readonly model: Model
  readonly precision: ServingPrecision
  /** The values that its programs read, in shared memory. */
  readonly weights: Values
}

/** Prepares a base for a precision. Rounding the weights takes a few hundred milliseconds for T5-small. */
export function prepareBase(base: Base, precision: ServingPrecision): ServedBase {
  const model = modelOf(base)
  const weights = Object.fromEntries(base.tensors)
  return {
    base,
    model,
    precision,
    weights: precision === 'int8' ? { ...weights, ...quantizeLinears(base.tensors, model) } : weights,
  }
}
