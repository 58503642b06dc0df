import { createHash } from 'node:crypto'
import { uuidv7 } from '../../core/uuid.ts'
import type { Platform } from '../../platform/platform.ts'
import { defaultLearningRate } from '../../platform/schemas/methods.ts'
import type { Training, TrainingRequest } from '../../platform/schemas/trainings.ts'
import { getBase } from '../../platform/use-cases/bases.ts'
import { listNewestTrainingEvents } from '../../platform/use-cases/training-events.ts'
import {
  cancelTraining,
  getTraining,
  launchTraining,
  listTrainings,
  pauseTraining,
  resumeTraining,
} from '../../platform/use-cases/trainings.ts'
import { json, type Route, route } from '../route.ts'
import { IDEMPOTENCY_HEADERS } from '../routes/common.ts'
import { openaiErrorFormat } from './errors.ts'
import { fromOpenaiId, parseEventNumber } from './ids.ts'
import { jobListQuery, toJobListQuery } from './job-list-query.ts'
import { checkpoint, type Hyperparameters, type JobRequest, job, jobEvent, jobRequest } from './job-schemas.ts'
import { LIST_FIX, listQuery, listSchemaOf, toPage, toPageRequest } from './pages.ts'
import { toCheckpoints, toJob, toJobEvent } from './to-job.ts'

const params = { job_id: 'Id of a job.' }
const common = { tag: 'OpenAI', scope: 'train', errorFormat: openaiErrorFormat } as const
const query = { schema: listQuery, fix: LIST_FIX }

/** Returns OpenAI's fine-tuning routes. Jobs are trainings. */
export function jobRoutes(platform: Platform): Route[] {
  const toJobs = async (trainings: readonly Training[]) => {
    const names = new Map<string, string>()
    for (const id of new Set(trainings.map(({ base }) => base))) names.set(id, (await getBase(platform, id)).name)
    return trainings.map((training) => toJob(training, names.get(training.base) ?? training.base))
  }
  const toJobResponse = async (training: Training) => json((await toJobs([training]))[0])
  const responses = { 200: { description: 'Returns the job.', schema: job } }
  const actionRoute = (name: string, summary: string, perform: typeof pauseTraining) =>
    route({
      ...common,
      method: 'POST',
      path: `/v1/fine_tuning/jobs/{job_id}/${name}`,
      summary,
      params,
      responses,
      errors: ['training_unknown', 'training_status_conflict'],
      handle: async ({ params: { job_id } }) => toJobResponse(await perform(platform, fromOpenaiId('job', job_id))),
    })

  return [
    route({
      ...common,
      method: 'POST',
      path: '/v1/fine_tuning/jobs',
      summary: 'Create a fine-tuning job',
      description:
        'When the job has succeeded, /v1/chat/completions serves the model in fine_tuned_model. The method is LoRA unless graft sets another, for example {"graft": {"method": "bottleneck", "bottleneck": 8}}.',
      headers: IDEMPOTENCY_HEADERS,
      json: {
        schema: jobRequest,
        example: { model: 'embedded', training_file: 'films', validation_file: 'films-test', suffix: 'film' },
        fix: 'Send {"model": "embedded", "training_file": "file-…"}.',
      },
      responses,
      errors: [
        'base_unknown',
        'dataset_unknown',
        'data_classes',
        'data_label',
        'method_invalid',
        'adapter_too_large',
        'usage',
        'name_taken',
        'queue_full',
        'disk_full',
        'idempotency_conflict',
      ],
      async handle({ body, caller, headers }) {
        const key = headers['idempotency-key']
        return toJobResponse(await launchTraining(platform, toTrainingRequest(body, key), caller, key))
      },
    }),
    route({
      ...common,
      method: 'GET',
      path: '/v1/fine_tuning/jobs',
      summary: 'List fine-tuning jobs',
      description: 'The newest jobs come first.',
      query: { schema: jobListQuery, fix: LIST_FIX, coerce: toJobListQuery },
      responses: { 200: { description: 'Returns a page of jobs.', schema: listSchemaOf(job) } },
      async handle({ query }) {
        const { metadata } = query
        const { data, next_cursor } = await listTrainings(platform, { ...toPageRequest('job', query), metadata })
        return json(toPage(await toJobs(data), next_cursor !== undefined))
      },
    }),
    route({
      ...common,
      method: 'GET',
      path: '/v1/fine_tuning/jobs/{job_id}',
      summary: 'Get a fine-tuning job',
      params,
      responses,
      errors: ['training_unknown'],
      handle: async ({ params: { job_id } }) => toJobResponse(await getTraining(platform, fromOpenaiId('job', job_id))),
    }),
    actionRoute('cancel', 'Cancel a fine-tuning job', (platform, id) => cancelTraining(platform, id)),
    actionRoute('pause', 'Pause a fine-tuning job', pauseTraining),
    actionRoute('resume', 'Resume a fine-tuning job', resumeTraining),
    route({
      ...common,
      method: 'GET',
      path: '/v1/fine_tuning/jobs/{job_id}/events',
      summary: 'List the events of a fine-tuning job',
      description: 'The newest events come first.',
      params,
      query,
      responses: { 200: { description: 'Returns a page of events.', schema: listSchemaOf(jobEvent) } },
      errors: ['training_unknown'],
      async handle({ params: { job_id }, query: { after, limit } }) {
        const before = after === undefined ? undefined : parseEventNumber(after)
        const { id, data, more } = await listNewestTrainingEvents(platform, fromOpenaiId('job', job_id), {
          before,
          limit,
        })
        return json(
          toPage(
            data.map((event) => toJobEvent(id, event)),
            more,
          ),
        )
      },
    }),
    route({
      ...common,
      method: 'GET',
      path: '/v1/fine_tuning/jobs/{job_id}/checkpoints',
      summary: 'List the checkpoints of a fine-tuning job',
      description:
        'A job has one checkpoint once it has succeeded. States saved before that only serve to continue the training; they cannot classify.',
      params,
      query,
      responses: { 200: { description: 'Returns the checkpoints.', schema: listSchemaOf(checkpoint) } },
      errors: ['training_unknown'],
      async handle({ params: { job_id }, query: { after } }) {
        const checkpoints = toCheckpoints(await getTraining(platform, fromOpenaiId('job', job_id)))
        return json(toPage(after === undefined ? checkpoints : [], false))
      },
    }),
  ]
}

/** Returns the request for the training of a job. */
function toTrainingRequest(
  { method, graft: settings, suffix, ...job }: JobRequest,
  key: string | undefined,
): TrainingRequest {
  const graft = settings ?? {}
  const { n_epochs, batch_size, learning_rate_multiplier } =
    method?.supervised?.hyperparameters ?? job.hyperparameters ?? ({} satisfies Hyperparameters)
  // A repeated request with the same key must be the same training, including its name.
  const uniquePart =
    key === undefined ? uuidv7().slice(-12) : createHash('sha256').update(key).digest('hex').slice(0, 12)
  const isSet = <T>(value: T | 'auto' | null | undefined): value is T =>
    value !== undefined && value !== null && value !== 'auto'
  return {
    method: 'lora',
    ...graft,
    name: `${suffix ?? 'ft'}-${uniquePart}`,
    base: job.model,
    dataset: fromOpenaiId('file', job.training_file),
    ...(isSet(job.validation_file) && { test_dataset: fromOpenaiId('file', job.validation_file) }),
    ...(isSet(n_epochs) && { epochs: n_epochs }),
    ...(isSet(batch_size) && { batch_size }),
    ...(isSet(learning_rate_multiplier) && {
      learning_rate: learning_rate_multiplier * defaultLearningRate(String(graft.method ?? 'lora')),
    }),
    ...(isSet(job.seed) && { seed: job.seed }),
    ...(isSet(job.metadata) && { metadata: job.metadata }),
  }
}
