import { z } from 'zod'
import type { Platform } from '../../platform/platform.ts'
import {
  training,
  trainingList,
  trainingPlan,
  trainingQuery,
  trainingRequest,
} from '../../platform/schemas/trainings.ts'
import { planTraining } from '../../platform/use-cases/plan-training.ts'
import {
  cancelTraining,
  getTraining,
  launchTraining,
  listTrainings,
  pauseTraining,
  resumeTraining,
} from '../../platform/use-cases/trainings.ts'
import { json, type Route, route } from '../route.ts'
import { created, ID, IDEMPOTENCY, PAGE } from './common.ts'

const tag = 'Trainings'
const params = { id: ID('a training') }

const launchQuery = z.strictObject({
  dry_run: z
    .boolean('true or false')
    .default(false)
    .describe('true checks everything, measures two steps and starts nothing'),
})

export const trainings = (platform: Platform): Route[] => [
  route({
    method: 'POST',
    path: '/v1/trainings',
    summary: 'Launch a training, or plan one',
    description: 'It is queued; a worker takes it, and an adapter of its name answers once it has succeeded.',
    tag,
    scope: 'train',
    query: { schema: launchQuery, fix: 'Give dry_run=true for a plan; leave it out to launch.' },
    headers: IDEMPOTENCY,
    json: {
      schema: trainingRequest,
      example: { method: 'lora', rank: 8, dataset: 'films', test_dataset: 'films-test', epochs: 2 },
      fix: 'Send {"dataset": "its name", "method": "lora"} with settings of the training and its method.',
    },
    answers: {
      200: { description: 'The plan, for a dry run', schema: trainingPlan },
      201: { description: 'The training, queued', schema: training, headers: { location: 'its address' } },
    },
    errors: [
      'base_unknown',
      'dataset_unknown',
      'data_classes',
      'data_label',
      'data_line',
      'data_format',
      'data_empty',
      'device_unavailable',
      'precision_unsupported',
      'method_invalid',
      'label_words',
      'usage',
      'name_taken',
      'idempotency_conflict',
      'queue_full',
      'training_failed',
      'artifact_missing',
      'artifacts_unavailable',
      'disk_full',
    ],
    async handle({ query, body, caller, headers, signal }) {
      if (query.dry_run) return json(await planTraining(platform, body, signal))
      return created('/v1/trainings', await launchTraining(platform, body, caller, headers['idempotency-key']))
    },
  }),
  route({
    method: 'GET',
    path: '/v1/trainings',
    summary: 'List trainings, the newest first',
    tag,
    scope: 'train',
    query: { schema: trainingQuery, fix: PAGE },
    answers: { 200: { description: 'A page of the list', schema: trainingList } },
    handle: async ({ query }) => json(await listTrainings(platform, query)),
  }),
  route({
    method: 'GET',
    path: '/v1/trainings/{id}',
    summary: 'Get a training',
    tag,
    scope: 'train',
    params,
    answers: { 200: { description: 'The training', schema: training } },
    errors: ['training_unknown'],
    handle: async ({ params: { id } }) => json(await getTraining(platform, id)),
  }),
  move('cancel', 'Cancel a training', 'What it has saved is not kept.', (id) => cancelTraining(platform, id)),
  move('pause', 'Pause a training', 'It stops once its state is saved.', (id) => pauseTraining(platform, id)),
  move('resume', 'Resume a training', 'It goes on from its saved state, as though it had not been paused.', (id) =>
    resumeTraining(platform, id),
  ),
]

function move(
  name: 'cancel' | 'pause' | 'resume',
  summary: string,
  description: string,
  make: (id: string) => Promise<unknown>,
): Route {
  return route({
    method: 'POST',
    path: `/v1/trainings/{id}/${name}`,
    summary,
    description,
    tag,
    scope: 'train',
    params,
    answers: { 200: { description: 'The training', schema: training } },
    errors: ['training_unknown', 'training_status_conflict'],
    handle: async ({ params: { id } }) => json(await make(id)),
  })
}
