import { Counter, Gauge, Registry } from 'prom-client'
import type { WorkerEvent, WorkerOptions } from '../../platform/worker/worker-options.ts'

export interface WorkerMetrics {
  readonly registry: Registry
  /** Listeners for the options of a worker. */
  readonly listeners: Required<Pick<WorkerOptions, 'onEvent' | 'onSteps'>>
}

/** Makes the metrics of a worker: what it runs and has run, and how much it trains. */
export function makeWorkerMetrics(): WorkerMetrics {
  const registry = new Registry()
  const registers = [registry]
  const running = new Gauge({
    name: 'graft_worker_jobs_running',
    help: 'Trainings, evaluations and comparisons that this process runs.',
    labelNames: ['kind'],
    registers,
  })
  const ended = new Counter({
    name: 'graft_worker_jobs_total',
    help: 'Slices of trainings, evaluations and comparisons that this process has run, by the status that they left.',
    labelNames: ['kind', 'status'],
    registers,
  })
  const steps = new Counter({ name: 'graft_training_steps_total', help: 'Optimizer steps of trainings.', registers })
  const reviews = new Counter({ name: 'graft_training_reviews_total', help: 'Reviews trained on.', registers })
  const tokens = new Counter({ name: 'graft_training_tokens_total', help: 'Tokens trained on.', registers })
  for (const kind of ['training', 'evaluation', 'comparison']) running.set({ kind }, 0)
  return {
    registry,
    listeners: {
      onEvent(event) {
        const kind = kindOf(event)
        running.set({ kind }, Number(event.status === 'running'))
        if (event.status !== 'running') ended.inc({ kind, status: event.status })
      },
      onSteps(work) {
        steps.inc(work.steps)
        reviews.inc(work.reviews)
        tokens.inc(work.tokens)
      },
    },
  }
}

const kindOf = (event: WorkerEvent): string => {
  if ('training_id' in event) return 'training'
  return 'evaluation_id' in event ? 'evaluation' : 'comparison'
}
