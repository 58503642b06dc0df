export interface LearningRateSchedule {
  /** Steps during which the rate rises from 0. */
  warmup: number
  /** Steps of the whole training. */
  total: number
  /** How the rate continues after the warm-up: in a straight line to 0, or at the peak. Defaults to `linear`. */
  decay?: 'linear' | 'none'
}

/**
 * Returns the share of the peak learning rate for step 0, 1, …, like `get_linear_schedule_with_warmup` of transformers.
 */
export function learningRateAt(step: number, { warmup, total, decay = 'linear' }: LearningRateSchedule): number {
  if (step < warmup) return step / warmup
  return decay === 'none' ? 1 : Math.max(0, total - step) / Math.max(1, total - warmup)
}
