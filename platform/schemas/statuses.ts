import { z } from 'zod'

export const trainingStatuses = ['queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled'] as const
export const trainingStatus = z.enum(trainingStatuses)
export type TrainingStatus = z.infer<typeof trainingStatus>

/** The statuses of evaluations and comparisons, which cannot be paused. */
export const shortWorkStatuses = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const

/** Returns whether a training makes progress on its own: a worker has it, or will claim it. */
export const isActive = ({ status }: { status: TrainingStatus }): boolean => status === 'queued' || status === 'running'

export const trainingProgress = z.strictObject({
  step: z.int(),
  total_steps: z.int(),
  reviews_per_second: z.number(),
  seconds_left: z.number(),
  loss: z.number(),
})
export type TrainingProgress = z.infer<typeof trainingProgress>

/** The permissions of a key: to classify and read; to launch trainings and change adapters; to read metrics; all. */
export const keyScopes = ['predict', 'train', 'metrics', 'admin'] as const
export const keyScope = z.enum(keyScopes)
export type KeyScope = z.infer<typeof keyScope>
