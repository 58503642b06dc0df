import type { Pool } from '../../graph/runtime/pool.ts'
import type { Values } from '../../graph/runtime/session.ts'
import type { NamedShape } from '../../model/tensor-shapes.ts'
import { type MicroBatch, makeGradientAccumulator } from '../step/gradient-accumulator.ts'
import { addInto } from '../step/packed-tensors.ts'
import { splitScatters } from '../step/scattered-gradients.ts'
import { taskProgram } from './program.ts'
import type { Task, TaskSetting } from './task.ts'

/** The gradient of a task, loaded on the threads of a pool. */
export interface LoadedTask {
  /** Adds the gradient of a batch to a vector, and returns the loss of each objective without its weight. */
  addGradient(batches: readonly MicroBatch[], into: Readonly<Record<string, Float32Array>>): Promise<number[]>
  /** Returns the loss of each objective without its weight. */
  evaluate(batches: readonly MicroBatch[]): Promise<number[]>
}

/** @param values the trained tensors by name */
export async function loadTask(
  task: Task,
  { base, pretraining }: Pick<TaskSetting, 'base' | 'pretraining'>,
  trained: readonly NamedShape[],
  values: Values,
  pool: Pool,
): Promise<LoadedTask> {
  const { program: whole, reached } = taskProgram(task, pretraining, trained)
  const { program, scattered } = splitScatters(whole)
  const constants = Object.assign({}, ...task.objectives.map((objective) => objective.constants))
  const bound = { ...Object.fromEntries(base.tensors), ...constants }
  const loaded = await pool.load(program, bound, { mutable: values })
  const { views, accumulate } = makeGradientAccumulator(loaded, reached, pool.size, scattered)
  const run = async (batches: readonly MicroBatch[]) => {
    const losses = task.objectives.map(() => 0)
    await accumulate(batches, (results) => {
      for (const i of losses.keys()) losses[i] += Number(results[`loss.${i}`][0])
    })
    return losses
  }
  return {
    evaluate: run,
    async addGradient(batches, into) {
      const losses = await run(batches)
      for (const { name } of reached) addInto(into[name], views[name])
      return losses
    },
  }
}
