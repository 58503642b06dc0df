import { learningRateOf } from '../../platform/offline/train.ts'
import type { Training, TrainingEventAnswer } from '../../platform/schemas/trainings.ts'
import { eventId, idOf, seconds } from './ids.ts'
import type { Job, JobCheckpoint, JobEvent } from './job-schemas.ts'

/** A training as OpenAI's API tells a job. @param base names the model that it is trained on */
export function jobOf(training: Training, base: string): Job {
  const { id, status, settings, plan, error, progress } = training
  const hyperparameters = {
    n_epochs: typeof settings.steps === 'number' ? ('auto' as const) : Number(settings.epochs),
    batch_size: typeof settings.batch_size === 'number' ? settings.batch_size : ('auto' as const),
    learning_rate_multiplier: Number(settings.learning_rate) / learningRateOf(training.method),
  }
  const left = status === 'running' ? progress?.seconds_left : undefined
  return {
    id: idOf('job', id),
    object: 'fine_tuning.job',
    model: base,
    status,
    fine_tuned_model: modelOf(training) ?? null,
    training_file: idOf('file', training.dataset),
    validation_file: training.test_dataset ? idOf('file', training.test_dataset) : null,
    hyperparameters,
    method: { type: 'supervised', supervised: { hyperparameters } },
    seed: Number(settings.seed),
    trained_tokens: status === 'succeeded' ? (plan?.tokens ?? null) : null,
    result_files: [],
    error: error ? { code: error.code, message: `${error.detail} ${error.fix}`, param: error.subject } : null,
    metadata: training.metadata ?? null,
    integrations: [],
    organization_id: 'graft',
    created_at: seconds(training.created_at),
    estimated_finish: left === undefined ? null : Math.ceil(Date.now() / 1000 + left),
    finished_at: training.finished_at ? seconds(training.finished_at) : null,
  }
}

/** What answers for a training that has succeeded: its adapter, by its name where it was given one. */
const modelOf = ({ adapter, name }: Training): string | undefined => adapter && (name ?? adapter)

/** The one checkpoint that can answer: what a training saves on its way is its state alone. */
export function checkpointsOf(training: Training): JobCheckpoint[] {
  const { id, result, finished_at } = training
  const model = modelOf(training)
  if (!model || !finished_at) return []
  const { steps, loss, accuracy } = result as { steps: number; loss: number; accuracy?: number }
  return [
    {
      id: idOf('checkpoint', id),
      object: 'fine_tuning.job.checkpoint',
      created_at: seconds(finished_at),
      fine_tuning_job_id: idOf('job', id),
      fine_tuned_model_checkpoint: model,
      step_number: steps,
      metrics: {
        step: steps,
        train_loss: loss,
        ...(accuracy !== undefined && { full_valid_mean_token_accuracy: accuracy }),
      },
    },
  ]
}

/** @param training its id */
export function eventOf(training: string, { number, event, created_at }: TrainingEventAnswer): JobEvent {
  return {
    id: eventId(training, number),
    object: 'fine_tuning.job.event',
    created_at: seconds(created_at),
    level: 'error' in event ? 'error' : 'info',
    type: event.type === 'step' || event.type === 'point' ? 'metrics' : 'message',
    message: inWords(event),
    data: event,
  }
}

// biome-ignore lint/suspicious/noExplicitAny: events are of many shapes, which training/events.ts tells
const words: Readonly<Record<string, (event: any) => string>> = {
  status: ({ status, error }) => `The job is ${status}${error ? `: ${error.detail}` : ''}`,
  stage: ({ message }) => message,
  plan: ({ plan }) => `${plan.trainable} parameters are trained in ${plan.steps} steps on ${plan.reviews} reviews`,
  step: ({ step, steps, loss }) => `Step ${step}/${steps}: training loss=${loss.toFixed(4)}`,
  point: ({ point: { step, loss, accuracy } }) =>
    `Step ${step}: training loss=${loss.toFixed(4)}${accuracy === undefined ? '' : `, accuracy=${accuracy.toFixed(4)}`}`,
  saved: ({ step }) => `The state of step ${step} is saved`,
  done: ({ result }) =>
    `Trained in ${result.steps} steps${result.accuracy === undefined ? '' : `, accuracy ${result.accuracy}`}`,
}

const inWords = (event: { type: string }): string => words[event.type]?.(event) ?? event.type
