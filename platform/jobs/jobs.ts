import type { Database } from '../store/database.ts'

export interface Jobs {
  /** Writes the job in the transaction that writes the row. */
  queueTraining(tx: Database, id: string, options?: { afterSeconds?: number }): Promise<void>
  queueEvaluation(tx: Database, id: string): Promise<void>
  /** Jobs that wait, by kind. */
  waiting(): Promise<{ trainings: number; evaluations: number }>
  close(): Promise<void>
}
