export interface Schedule {
  /** Steps in which the rate rises from 0. */
  warmup: number
  /** Steps of the whole training. */
  total: number
  /** What follows the warm-up: a straight line to 0, or the peak kept. */
  decay?: 'linear' | 'none'
}

/** The share of the peak learning rate that step 0, 1, … takes, as transformers' `get_linear_schedule_with_warmup` has it. */
export function learningRateAt(step: number, { warmup, total, decay = 'linear' }: Schedule): number {
  if (step < warmup) return step / warmup
  return decay === 'none' ? 1 : Math.max(0, total - step) / Math.max(1, total - warmup)
}
