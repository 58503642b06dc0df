import { defaultLearningRate } from '../../platform/schemas/methods.ts'
import type { Training, TrainingEventAnswer } from '../../platform/schemas/trainings.ts'
import { toEventId, toOpenaiId, toUnixSeconds } from './ids.ts'
import type { Job, JobCheckpoint, JobEvent } from './job-schemas.ts'

/**
 * Returns a training as a job of OpenAI's API.
 * @param baseName the name of the base that it is trained on
 */
export function toJob(training: Training, baseName: string): Job {
  const { id, status, settings, plan, error, progress } = training
  const hyperparameters = {
    n_epochs: typeof settings.steps === 'number' ? ('auto' as const) : Number(settings.epochs),
    batch_size: typeof settings.batch_size === 'number' ? settings.batch_size : ('auto' as const),
    learning_rate_multiplier: Number(settings.learning_rate) / defaultLearningRate(training.method),
  }
  const secondsLeft = status === 'running' ? progress?.seconds_left : undefined
  return {
    id: toOpenaiId('job', id),
    object: 'fine_tuning.job',
    model: baseName,
    status,
    fine_tuned_model: modelOf(training) ?? null,
    training_file: toOpenaiId('file', training.dataset),
    validation_file: training.test_dataset ? toOpenaiId('file', training.test_dataset) : null,
    hyperparameters,
    method: { type: 'supervised', supervised: { hyperparameters } },
    seed: Number(settings.seed),
    trained_tokens: status === 'succeeded' ? (plan?.tokens ?? null) : null,
    result_files: [],
    error: error ? { code: error.code, message: `${error.detail} ${error.fix}`, param: error.subject } : null,
    metadata: training.metadata ?? null,
    integrations: [],
    organization_id: 'graft',
    created_at: toUnixSeconds(training.created_at),
    estimated_finish: secondsLeft === undefined ? null : Math.ceil(Date.now() / 1000 + secondsLeft),
    finished_at: training.finished_at ? toUnixSeconds(training.finished_at) : null,
  }
}

/** Returns the name, or else the id, of the adapter of a training; undefined if it has not succeeded. */
const modelOf = ({ adapter, name }: Training): string | undefined => adapter && (name ?? adapter)

/** Returns the only checkpoint that can classify, the final one. During a training, only its state is saved. */
export function toCheckpoints(training: Training): JobCheckpoint[] {
  const { id, result, finished_at } = training
  const model = modelOf(training)
  if (!model || !finished_at) return []
  const { steps, loss, accuracy } = result as { steps: number; loss: number; accuracy?: number }
  return [
    {
      id: toOpenaiId('checkpoint', id),
      object: 'fine_tuning.job.checkpoint',
      created_at: toUnixSeconds(finished_at),
      fine_tuning_job_id: toOpenaiId('job', id),
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

export function toJobEvent(trainingId: string, { number, event, created_at }: TrainingEventAnswer): JobEvent {
  return {
    id: toEventId(trainingId, number),
    object: 'fine_tuning.job.event',
    created_at: toUnixSeconds(created_at),
    level: 'error' in event ? 'error' : warningsOf(event).length > 0 ? 'warn' : 'info',
    type: event.type === 'step' || event.type === 'evaluation' ? 'metrics' : 'message',
    message: messageOf(event),
    data: event,
  }
}

// biome-ignore lint/suspicious/noExplicitAny: events have many shapes, defined in training/events.ts
const MESSAGES: Readonly<Record<string, (event: any) => string>> = {
  status: ({ status, error }) => `The job is ${status}${error ? `: ${error.detail}` : ''}`,
  stage: ({ message }) => message,
  plan: ({ plan }) => `Training ${plan.trainable} parameters in ${plan.steps} steps on ${plan.reviews} reviews`,
  step: ({ step, steps, loss }) => `Step ${step}/${steps}: training loss=${loss.toFixed(4)}`,
  evaluation: ({ step, loss, accuracy }) =>
    `Step ${step}: training loss=${loss.toFixed(4)}, accuracy=${accuracy.toFixed(4)}`,
  saved: ({ step }) => `Saved the state of step ${step}`,
  done: ({ result }) =>
    `Trained in ${result.steps} steps${result.accuracy === undefined ? '' : `, accuracy ${result.accuracy}`}`,
}

/** Returns the sentences of the warnings in an event that has a plan or a result. */
function warningsOf({ plan, result }: TrainingEventAnswer['event']): string[] {
  const { findings = [] } = (plan ?? result ?? {}) as Pick<NonNullable<Training['plan']>, 'findings'>
  return findings.filter(({ level }) => level === 'warning').map(({ message, fix }) => `Warning: ${message} ${fix}`)
}

function messageOf(event: TrainingEventAnswer['event']): string {
  const message = MESSAGES[event.type]?.(event) ?? event.type
  return [message, ...warningsOf(event)].join('. ')
}
