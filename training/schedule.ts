/** Steps of warm-up and in all. */
export interface Schedule {
  warmup: number
  total: number
}

/** Linear warm-up and decay: the share of the peak rate at step k from 0, as transformers' get_linear_schedule_with_warmup has it. */
export function learningRateAt(k: number, { warmup, total }: Schedule): number {
  return k < warmup ? k / warmup : Math.max(0, total - k) / Math.max(1, total - warmup)
}
