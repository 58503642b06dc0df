import { gradients } from '../graph/gradients.ts'
import { mul, sub } from '../graph/ops/elementwise.ts'
import { input, scalar } from '../graph/ops/leaf.ts'
import { reduceSum, reshape } from '../graph/ops/shape.ts'
import { buildProgram, type Program, replaceNodes } from '../graph/program.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Dim } from '../graph/types.ts'
import type { Model } from './architecture.ts'
import type { MethodConfig } from './methods/registry.ts'
import { applyMethod } from './programs.ts'

/**
 * Returns the program that computes one point of integrated gradients (Sundararajan et al. 2017, arXiv 1703.01365) for
 * each row: the gradient at alpha · x, where x are the embeddings of the tokens of the text. The baseline, alpha = 0,
 * is a text whose tokens have embeddings of zeros. Other tokens, and the tensors of the method, stay as they are.
 *
 * Besides the inputs of a classification, it has `is_text` f32 [batch, source], 1 for the tokens of the text and 0 for
 * others; `alpha` f32 [batch]; and `direction` f32 [batch, labels], the weights with which the row's logits are added
 * to the difference that is explained.
 *
 * Its results are `difference` [batch] at the point, and `contributions` [batch, source]: the gradient times the
 * embedding of each token of the text, x · ∂difference/∂(alpha · x), and 0 for other tokens. Their integral over alpha
 * from 0 to 1 is the difference at x minus the one at the baseline.
 *
 * The products are computed in f32, also where predictions are computed in 8 bits.
 *
 * @example
 * const loaded = await pool.load(explanationProgram(model, { method: 'lora', rank: 8, ... }), weights)
 */
export function explanationProgram(model: Model, method: MethodConfig): Program {
  const { context } = applyMethod(model, method)
  const forward = buildProgram('classifier', { scores: model.classLogits(context, ['batch', 'labels']) })
  const embedded = findEmbedded(forward, model.embedding) // [B, S, E]
  const isText = reshape(input('is_text', 'f32', ['batch', 'source']), ['batch', 'source', 1])
  const change = mul(embedded, isText)
  const alpha = reshape(input('alpha', 'f32', ['batch']), ['batch', 1, 1])
  const point = sub(embedded, mul(change, sub(scalar(1), alpha)))
  const { scores } = replaceNodes(forward, (node) => (node === embedded ? point : undefined))
  // A model may have a number of labels of its own.
  const labels = scores.shape.at(-1) as Dim
  const direction = input('direction', 'f32', ['batch', labels])
  const difference = reduceSum(mul(reshape(scores, ['batch', labels]), direction), [1]) // [B, 1, C] -> [B]
  // Rows do not depend on each other, so the gradient of their sum is the gradient of each.
  const [gradient] = gradients(reduceSum(difference), [point])
  const contributions = reduceSum(mul(gradient, change), [2]) // [B, S, E] -> [B, S]
  return buildProgram(`${method.method} explanation`, { difference, contributions })
}

/** Returns the node that embeds the tokens of a text. */
function findEmbedded({ name, nodes }: Program, embedding: string): Tensor {
  const isInput = (node: Tensor, of: string) => node.op.name === 'input' && node.attributes.name === of
  const found = nodes.find(
    ({ op, inputs: [table, ids] }) => op.name === 'gather' && isInput(table, embedding) && isInput(ids, 'input_ids'),
  )
  if (!found) throw new Error(`${name}: nothing embeds input_ids with ${embedding}`)
  return found
}
