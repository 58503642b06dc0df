import type { Batch, Task } from './task.ts'

/**
 * Returns a function that returns the batch of each task for step 0, 1, … in turn, or undefined for a task that does
 * not take part in the step.
 */
export function openSchedule(tasks: readonly Task[]): (step: number) => (Batch | undefined)[] {
  const streams = tasks.map((task) => task.batches())
  return (step) => tasks.map(({ config }, i) => (step % config.every === 0 ? streams[i].next().value : undefined))
}
