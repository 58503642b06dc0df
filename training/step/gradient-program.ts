import { multiplyDims } from '../../graph/dim.ts'
import { gradients } from '../../graph/gradients.ts'
import { withLabels } from '../../graph/label.ts'
import { mul } from '../../graph/ops/elementwise.ts'
import { input } from '../../graph/ops/leaf.ts'
import { reduceSum, reshape } from '../../graph/ops/shape.ts'
import { crossEntropy } from '../../graph/ops/softmax.ts'
import { buildProgram, type Program } from '../../graph/program.ts'
import type { Precision } from '../../graph/runtime/devices/device-description.ts'
import type { Values } from '../../graph/runtime/session.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { Model, Objective } from '../../model/architecture.ts'
import type { Context } from '../../model/context.ts'
import type { MethodConfig } from '../../model/methods/registry.ts'
import { applyMethod } from '../../model/programs.ts'
import { quantizeLinears } from '../../model/quantize-linear.ts'
import { withQuantizedLinears } from '../../model/quantized-weights.ts'
import { labelOf, placesOf } from '../profile/places.ts'

interface GradientOptions {
  dropout?: Context['dropout']
  /** Also return the logits [B, T, C], as `logits`. Defaults to false. */
  withLogits?: boolean
  /** With `int8-frozen`, products with frozen weights have 8-bit operands in both passes. Defaults to `f32`. */
  precision?: Precision
}

/**
 * Returns the forward and backward pass of a model with a method. The trained tensors are inputs under their own names;
 * the result `grad.<name>` is the gradient of each. The result `loss` is the sum over all label tokens of cross-entropy
 * times `label_weights`, so that the losses of the micro-batches of a step can be added.
 */
export function gradientProgram(
  model: Model,
  method: MethodConfig,
  { positions, logits }: Pick<Objective, 'positions' | 'logits'>,
  { dropout, withLogits = false, precision = 'f32' }: GradientOptions = {},
): Program {
  const { context: exact, trained } = applyMethod(model, method, dropout)
  const context = precision === 'int8-frozen' ? withQuantizedLinears(exact, model, { differentiable: true }) : exact
  const predicted = logits(context) // [B, T, C]
  const n = multiplyDims('batch', positions)
  const losses = crossEntropy(
    reshape(predicted, [n, predicted.shape[2]]),
    reshape(input('labels', 'i32', ['batch', positions]), [n]),
  )
  const loss = reduceSum(mul(losses, reshape(input('label_weights', 'f32', ['batch', positions]), [n])))
  const names = [...trained.keys()]
  const origins = new Map<Tensor, Tensor>()
  const grads = gradients(loss, [...trained.values()], origins)
  const results = {
    loss,
    ...(withLogits && { logits: predicted }),
    ...Object.fromEntries(grads.map((g, i) => [gradientName(names[i]), g])),
  }
  const places = placesOf(loss, origins, model)
  const labels = new Map([...places].map(([node, place]) => [node, labelOf(place)]))
  return buildProgram(`${method.method} gradient`, withLabels(results, labels))
}

/** Returns the inputs that {@link gradientProgram} needs in a precision besides the tensors of the base. */
export const roundedWeights = (precision: Precision, base: ReadonlyMap<string, Float32Array>, model: Model): Values =>
  precision === 'int8-frozen' ? quantizeLinears(base, model, { differentiable: true }) : {}

export const gradientName = (parameter: string): string => `grad.${parameter}`
