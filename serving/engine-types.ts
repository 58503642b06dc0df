import type { PlainError } from '../core/errors.ts'

export interface ServedAdapter {
  id: string
  name: string
  method: string
  base: string
  trainable: number
  total: number
  digest: string
  bytes: number
  layout: string
  labels: readonly string[]
  metrics?: Record<string, unknown>
}

export interface Prediction {
  label: string
  score: number
  scores: Record<string, number>
  tokens: number
  truncated: boolean
}

export interface Row {
  text: string
  adapter: string
}

/** Answers rows in order; a row's failure is its own. Rejects as a whole only when overloaded or closing. */
export interface Engine {
  adapters(): readonly ServedAdapter[]
  classify(rows: readonly Row[], signal?: AbortSignal): Promise<(Prediction | { error: PlainError })[]>
  close(): Promise<void>
}
