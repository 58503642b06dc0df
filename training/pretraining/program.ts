import { gradients } from '../../graph/gradients.ts'
import { add, scale } from '../../graph/ops/elementwise.ts'
import { input } from '../../graph/ops/leaf.ts'
import { buildProgram, type Program, topologicalOrder } from '../../graph/program.ts'
import type { Tensor } from '../../graph/tensor.ts'
import type { Pretraining, States } from '../../model/architecture.ts'
import type { Context } from '../../model/context.ts'
import { combineEdits } from '../../model/edits.ts'
import type { NamedShape } from '../../model/tensor-shapes.ts'
import { gradientName } from '../step/gradient-program.ts'
import type { Task } from './task.ts'

/**
 * Returns the gradient program of a task. `loss` is the weighted sum of the losses of its objectives, and `loss.0`,
 * `loss.1`, … are these losses.
 * @returns also the trained tensors that the losses depend on. The others have no gradient
 */
export function taskProgram(
  { config, objectives }: Pick<Task, 'config' | 'objectives'>,
  pretraining: Pretraining,
  trained: readonly NamedShape[],
): { program: Program; reached: readonly NamedShape[] } {
  const weights = new Map(trained.map(({ name, shape }) => [name, input(name, 'f32', shape)]))
  const context: Context = { weight: (name) => weights.get(name) as Tensor, edits: combineEdits([]) }
  const mask = input('attention_mask', 'f32', ['batch', 'source'])
  let states: States | undefined
  const forward = {
    context,
    mask,
    states() {
      states ??= pretraining.states(context)
      return states
    },
  }
  const losses = objectives.map((objective) => objective.loss(forward))
  const loss = losses.map((part, i) => scale(part, config.objectives[i].weight)).reduce((a, b) => add(a, b))
  const needed = new Set(topologicalOrder([loss]))
  const reached = trained.filter(({ name }) => needed.has(weights.get(name) as Tensor))
  const grads = gradients(
    loss,
    reached.map(({ name }) => weights.get(name) as Tensor),
  )
  return {
    reached,
    program: buildProgram(`${config.name} gradient`, {
      loss,
      ...Object.fromEntries(losses.map((part, i) => [`loss.${i}`, part])),
      ...Object.fromEntries(grads.map((gradient, i) => [gradientName(reached[i].name), gradient])),
    }),
  }
}
