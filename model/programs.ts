import { input } from '../graph/ops/leaf.ts'
import { buildProgram, type Program } from '../graph/program.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Model } from './architecture.ts'
import type { Context } from './context.ts'
import { combineEdits } from './edits.ts'
import { findMethod, type MethodConfig, parametersOf } from './methods/registry.ts'
import { inPrecision, type ServingPrecision } from './quantized-weights.ts'
import type { NamedShape } from './tensor-shapes.ts'

/** A model with a method applied to it: what training differentiates and what serving runs. */
export interface TunedModel {
  readonly context: Context
  /** The trained tensors, each an input under its own name. */
  readonly trained: ReadonlyMap<string, Tensor>
}

/**
 * Applies a method to a model. Base tensors are inputs under their names in Hugging Face's file; a trained tensor with
 * the name of a base tensor replaces it.
 */
export function applyMethod(model: Model, method: MethodConfig, dropout?: Context['dropout']): TunedModel {
  const trained = inputsOf(parametersOf(method, model))
  const base = weightInputs(model)
  const weight = (name: string) => trained.get(name) ?? (base.get(name) as Tensor)
  const edits = findMethod(method.method).edits(method, (name) => trained.get(name), model, weight)
  return { context: { weight, edits: combineEdits([edits]), dropout }, trained }
}

/** Returns every tensor of the base as an input under its own name. */
export const weightInputs = ({ tensors }: Model): Map<string, Tensor> => inputsOf(tensors)

const inputsOf = (tensors: readonly NamedShape[]) =>
  new Map(tensors.map(({ name, shape }) => [name, input(name, 'f32', shape)]))

/**
 * Returns the forward pass of a classification: `scores` [batch, 1, classes] are the class logits.
 * @param method not set for the base itself
 */
export function classifierProgram(
  model: Model,
  method: MethodConfig | undefined,
  classes: number,
  precision: ServingPrecision = 'f32',
): Program {
  const context = inPrecision(method ? applyMethod(model, method).context : plainContext(model), precision, model)
  return buildProgram(`${method?.method ?? 'base'} classifier`, { scores: model.classLogits(context, [classes]) })
}

/** Returns the context of a model without a method. */
function plainContext(model: Model): Context {
  const weights = weightInputs(model)
  return { weight: (name) => weights.get(name) as Tensor, edits: combineEdits([]) }
}
