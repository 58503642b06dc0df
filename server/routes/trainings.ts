import { z } from 'zod'
import type { Platform } from '../../platform/platform.ts'
import {
  training,
  trainingList,
  trainingPlan,
  trainingQuery,
  trainingRequest,
} from '../../platform/schemas/trainings.ts'
import { planLaunch } from '../../platform/use-cases/plan-training.ts'
import {
  cancelTraining,
  getTraining,
  launchTraining,
  listTrainings,
  pauseTraining,
  resumeTraining,
} from '../../platform/use-cases/trainings.ts'
import { json, type Route, route } from '../route.ts'
import { describeId, IDEMPOTENCY_HEADERS, LOCATION, PAGE_FIX, toCreated } from './common.ts'

const tag = 'Trainings'
const params = { id: describeId('a training') }

const launchQuery = z.strictObject({
  dry_run: z
    .boolean('true or false')
    .default(false)
    .describe('If true, validates the request and measures two steps, but does not start a training.'),
})

export const trainingRoutes = (platform: Platform): Route[] => [
  route({
    method: 'POST',
    path: '/v1/trainings',
    summary: 'Launch a training',
    description:
      'The training is queued until a worker takes it. When it has succeeded, its adapter serves predictions under the name of the training. With dry_run=true, returns a plan and starts nothing.',
    tag,
    scope: 'train',
    query: { schema: launchQuery, fix: 'Give dry_run=true for a plan; leave it out to launch the training.' },
    headers: IDEMPOTENCY_HEADERS,
    json: {
      schema: trainingRequest,
      example: { method: 'lora', rank: 8, dataset: 'films', test_dataset: 'films-test', epochs: 2 },
      fix: 'Send {"dataset": "its name", "method": "lora"} with settings of the training and its method.',
    },
    responses: {
      200: { description: 'Returns the plan of a dry run.', schema: trainingPlan },
      201: { description: 'Returns the queued training.', schema: training, headers: LOCATION },
    },
    errors: [
      'base_unknown',
      'base_mismatch',
      'adapter_unknown',
      'dataset_unknown',
      'data_classes',
      'data_label',
      'data_line',
      'data_format',
      'data_empty',
      'device_unavailable',
      'precision_unsupported',
      'method_invalid',
      'adapter_too_large',
      'label_words',
      'usage',
      'name_taken',
      'idempotency_conflict',
      'queue_full',
      'training_failed',
      'training_too_large',
      'artifact_missing',
      'artifacts_unavailable',
      'disk_full',
    ],
    async handle({ query, body, caller, headers, signal }) {
      if (query.dry_run) return json(await planLaunch(platform, body, signal))
      return toCreated('/v1/trainings', await launchTraining(platform, body, caller, headers['idempotency-key']))
    },
  }),
  route({
    method: 'GET',
    path: '/v1/trainings',
    summary: 'List trainings',
    description: 'The newest trainings come first.',
    tag,
    scope: 'train',
    query: { schema: trainingQuery, fix: PAGE_FIX },
    responses: { 200: { description: 'Returns a page of trainings.', schema: trainingList } },
    handle: async ({ query }) => json(await listTrainings(platform, query)),
  }),
  route({
    method: 'GET',
    path: '/v1/trainings/{id}',
    summary: 'Get a training',
    tag,
    scope: 'train',
    params,
    responses: { 200: { description: 'Returns the training.', schema: training } },
    errors: ['training_unknown'],
    handle: async ({ params: { id } }) => json(await getTraining(platform, id)),
  }),
  actionRoute('cancel', 'Cancel a training', 'Its saved state is not kept.', (id) => cancelTraining(platform, id)),
  actionRoute('pause', 'Pause a training', 'A running training stops once its state has been saved.', (id) =>
    pauseTraining(platform, id),
  ),
  actionRoute(
    'resume',
    'Resume a training',
    'It continues from its saved state exactly as if it had not paused.',
    (id) => resumeTraining(platform, id),
  ),
]

function actionRoute(
  name: 'cancel' | 'pause' | 'resume',
  summary: string,
  description: string,
  perform: (id: string) => Promise<unknown>,
): Route {
  return route({
    method: 'POST',
    path: `/v1/trainings/{id}/${name}`,
    summary,
    description,
    tag,
    scope: 'train',
    params,
    responses: { 200: { description: 'Returns the training.', schema: training } },
    errors: ['training_unknown', 'training_status_conflict'],
    handle: async ({ params: { id } }) => json(await perform(id)),
  })
}
