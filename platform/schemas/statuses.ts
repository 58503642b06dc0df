import { z } from 'zod'

export const trainingStatuses = ['queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled'] as const
export const trainingStatus = z.enum(trainingStatuses)
export type TrainingStatus = z.infer<typeof trainingStatus>

/** Of evaluations and comparisons: short work, which is not paused. */
export const workStatuses = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const

/** Whether it will go on by itself: a worker has it, or will. */
export const isUnderWay = ({ status }: { status: TrainingStatus }): boolean =>
  status === 'queued' || status === 'running'

export const trainingProgress = z.strictObject({
  step: z.int(),
  total_steps: z.int(),
  reviews_per_second: z.number(),
  seconds_left: z.number(),
  loss: z.number(),
})
export type TrainingProgress = z.infer<typeof trainingProgress>

/** What a key may do: classify, launch trainings and change adapters, everything. */
export const keyScopes = ['predict', 'train', 'admin'] as const
export const keyScope = z.enum(keyScopes)
export type KeyScope = z.infer<typeof keyScope>
