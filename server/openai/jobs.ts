import { createHash } from 'node:crypto'
import { uuidv7 } from '../../core/uuid.ts'
import { learningRateOf } from '../../platform/offline/train.ts'
import type { Platform } from '../../platform/platform.ts'
import type { Training, TrainingRequest } from '../../platform/schemas/trainings.ts'
import { getBase } from '../../platform/use-cases/bases.ts'
import { newestTrainingEvents } from '../../platform/use-cases/training-events.ts'
import {
  cancelTraining,
  getTraining,
  launchTraining,
  listTrainings,
  pauseTraining,
  resumeTraining,
} from '../../platform/use-cases/trainings.ts'
import { json, type Route, route } from '../route.ts'
import { IDEMPOTENCY } from '../routes/common.ts'
import { refusal } from './errors.ts'
import { eventNumber, referenceOf } from './ids.ts'
import { checkpoint, type Hyperparameters, type JobRequest, job, jobEvent, jobRequest } from './job-schemas.ts'
import { LIST, listOf, listQuery, pageOf, pageRequestOf } from './pages.ts'
import { checkpointsOf, eventOf, jobOf } from './to-job.ts'

const params = { job_id: 'id of a job' }
const declared = { tag: 'OpenAI', scope: 'train', refusal } as const
const page = { schema: listQuery, fix: LIST }

/** OpenAI's fine-tuning jobs are trainings. */
export function jobs(platform: Platform): Route[] {
  const shownAll = async (trainings: readonly Training[]) => {
    const names = new Map<string, string>()
    for (const id of new Set(trainings.map(({ base }) => base))) names.set(id, (await getBase(platform, id)).name)
    return trainings.map((training) => jobOf(training, names.get(training.base) ?? training.base))
  }
  const shown = async (training: Training) => (await shownAll([training]))[0]
  const answers = { 200: { description: 'The job', schema: job } }
  const move = (name: string, summary: string, make: typeof pauseTraining) =>
    route({
      ...declared,
      method: 'POST',
      path: `/v1/fine_tuning/jobs/{job_id}/${name}`,
      summary,
      params,
      answers,
      errors: ['training_unknown', 'training_status_conflict'],
      handle: async ({ params: { job_id } }) => json(await shown(await make(platform, referenceOf('job', job_id)))),
    })

  return [
    route({
      ...declared,
      method: 'POST',
      path: '/v1/fine_tuning/jobs',
      summary: 'Fine-tune',
      description:
        'What it makes answers in /v1/chat/completions under the name in fine_tuned_model. LoRA unless graft says otherwise: {"graft": {"method": "bottleneck", "bottleneck": 8}}.',
      headers: IDEMPOTENCY,
      json: {
        schema: jobRequest,
        example: { model: 'embedded', training_file: 'films', validation_file: 'films-test', suffix: 'film' },
        fix: 'Send {"model": "embedded", "training_file": "file-…"}.',
      },
      answers,
      errors: [
        'base_unknown',
        'dataset_unknown',
        'data_classes',
        'data_label',
        'method_invalid',
        'usage',
        'name_taken',
        'queue_full',
        'idempotency_conflict',
      ],
      async handle({ body, caller, headers }) {
        const key = headers['idempotency-key']
        return json(await shown(await launchTraining(platform, trainingOf(body, key), caller, key)))
      },
    }),
    route({
      ...declared,
      method: 'GET',
      path: '/v1/fine_tuning/jobs',
      summary: 'List jobs, the newest first',
      query: page,
      answers: { 200: { description: 'A page of the list', schema: listOf(job) } },
      async handle({ query }) {
        const { data, next_cursor } = await listTrainings(platform, pageRequestOf('job', query))
        return json(pageOf(await shownAll(data), next_cursor !== undefined))
      },
    }),
    route({
      ...declared,
      method: 'GET',
      path: '/v1/fine_tuning/jobs/{job_id}',
      summary: 'Get a job',
      params,
      answers,
      errors: ['training_unknown'],
      handle: async ({ params: { job_id } }) =>
        json(await shown(await getTraining(platform, referenceOf('job', job_id)))),
    }),
    move('cancel', 'Cancel a job', (platform, id) => cancelTraining(platform, id)),
    move('pause', 'Pause a job', pauseTraining),
    move('resume', 'Resume a job', resumeTraining),
    route({
      ...declared,
      method: 'GET',
      path: '/v1/fine_tuning/jobs/{job_id}/events',
      summary: 'List the events of a job, the newest first',
      params,
      query: page,
      answers: { 200: { description: 'A page of the list', schema: listOf(jobEvent) } },
      errors: ['training_unknown'],
      async handle({ params: { job_id }, query: { after, limit } }) {
        const before = after === undefined ? undefined : eventNumber(after)
        const { id, data, more } = await newestTrainingEvents(platform, referenceOf('job', job_id), { before, limit })
        return json(
          pageOf(
            data.map((event) => eventOf(id, event)),
            more,
          ),
        )
      },
    }),
    route({
      ...declared,
      method: 'GET',
      path: '/v1/fine_tuning/jobs/{job_id}/checkpoints',
      summary: 'List the checkpoints of a job',
      description: 'One, once it has succeeded: what is saved before is the state to go on from, which cannot answer.',
      params,
      query: page,
      answers: { 200: { description: 'The list', schema: listOf(checkpoint) } },
      errors: ['training_unknown'],
      async handle({ params: { job_id }, query: { after } }) {
        const all = checkpointsOf(await getTraining(platform, referenceOf('job', job_id)))
        return json(pageOf(after === undefined ? all : [], false))
      },
    }),
  ]
}

/** The training that a job is. */
function trainingOf({ method, graft = {}, suffix, ...job }: JobRequest, key: string | undefined): TrainingRequest {
  const { n_epochs, batch_size, learning_rate_multiplier } =
    method?.supervised?.hyperparameters ?? job.hyperparameters ?? ({} satisfies Hyperparameters)
  // A job that is asked for again with the same key is the same, name and all.
  const own = key === undefined ? uuidv7().slice(-12) : createHash('sha256').update(key).digest('hex').slice(0, 12)
  const given = <T>(value: T | 'auto' | null | undefined): value is T =>
    value !== undefined && value !== null && value !== 'auto'
  return {
    method: 'lora',
    ...graft,
    name: `${suffix ?? 'ft'}-${own}`,
    base: job.model,
    dataset: referenceOf('file', job.training_file),
    ...(given(job.validation_file) && { test_dataset: referenceOf('file', job.validation_file) }),
    ...(given(n_epochs) && { epochs: n_epochs }),
    ...(given(batch_size) && { batch_size }),
    ...(given(learning_rate_multiplier) && {
      learning_rate: learning_rate_multiplier * learningRateOf(String(graft.method ?? 'lora')),
    }),
    ...(given(job.seed) && { seed: job.seed }),
    ...(given(job.metadata) && { metadata: job.metadata }),
  }
}
