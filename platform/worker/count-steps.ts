import type { Plan, TrainingListener } from '../../training/events.ts'

/** Steps of a training, and what they trained on: the average of its plan, so that a whole training has its sums. */
export interface StepCounts {
  steps: number
  reviews: number
  tokens: number
}

/** Returns a listener that counts the steps of a slice. A device reports several steps at once. */
export function countSteps(onSteps: (steps: StepCounts) => void): TrainingListener {
  let plan: Plan | undefined
  let last: number | undefined
  return (event) => {
    if (event.type === 'plan') plan = event.plan
    if (event.type !== 'step' || !plan) return
    // The first report of a slice that continues does not say from which step.
    const steps = event.step - (last ?? event.step - 1)
    last = event.step
    onSteps({ steps, reviews: (steps * plan.reviews) / plan.steps, tokens: (steps * plan.tokens) / plan.steps })
  }
}
