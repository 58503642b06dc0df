import { times } from '../../graph/dim.ts'
import { gradients } from '../../graph/gradients.ts'
import { labelled } from '../../graph/label.ts'
import { mul } from '../../graph/ops/elementwise.ts'
import { input } from '../../graph/ops/leaf.ts'
import { reduceSum, reshape } from '../../graph/ops/shape.ts'
import { crossEntropy } from '../../graph/ops/softmax.ts'
import { type Program, program } from '../../graph/program.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { Context } from '../../model/context.ts'
import type { MethodConfig } from '../../model/methods/registry.ts'
import { scores, tuned } from '../../model/programs.ts'
import type { T5Config } from '../../model/t5/config.ts'
import { labelOf, placesOf } from '../profile/places.ts'

export interface Objective {
  /** Decoder rows a review: 2 for a label word and the end of sequence, 1 for the label word alone. */
  target: number
  /** The number of label words that compete; the whole vocabulary where absent. Then `labels` are token ids, else indices of words. */
  words?: number
}

/**
 * Forward and backward pass for a method on a base. The trained tensors are inputs under their own names, and each has its gradient as
 * the result `grad.<name>`. `loss` is the sum over all label tokens of cross-entropy times `label_weights`, so that the micro-batches of
 * one step add up. With `showScores` the scores [batch, target, C] are a result, too.
 */
export function gradientProgram(
  config: T5Config,
  method: MethodConfig,
  { target, words }: Objective,
  { dropout, showScores = false }: { dropout?: Context['dropout']; showScores?: boolean } = {},
): Program {
  const { context, trained } = tuned(config, method, dropout)
  const predicted = scores(context, target, words) // [B, T, C]
  const n = times('batch', target)
  const rows = crossEntropy(
    reshape(predicted, [n, predicted.shape[2]]),
    reshape(input('labels', 'i32', ['batch', target]), [n]),
  )
  const loss = reduceSum(mul(rows, reshape(input('label_weights', 'f32', ['batch', target]), [n])))
  const names = [...trained.keys()]
  const madeFor = new Map<Tensor, Tensor>()
  const grads = gradients(loss, [...trained.values()], madeFor)
  const results = {
    loss,
    ...(showScores && { scores: predicted }),
    ...Object.fromEntries(grads.map((g, i) => [gradientName(names[i]), g])),
  }
  const places = placesOf(loss, madeFor, config)
  const labels = new Map([...places].map(([node, place]) => [node, labelOf(place)]))
  return program(`${method.method} gradient`, labelled(results, labels))
}

export const gradientName = (parameter: string): string => `grad.${parameter}`
