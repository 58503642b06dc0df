import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { formatCount } from '../../core/format-count.ts'
import { isActive } from '../../platform/schemas/statuses.ts'
import {
  type Training,
  type TrainingPlan,
  type TrainingRequest,
  trainingRequest,
} from '../../platform/schemas/trainings.ts'
import { getFindings } from '../../platform/use-cases/datasets.ts'
import { planLaunch } from '../../platform/use-cases/plan-training.ts'
import { launchTraining as launch } from '../../platform/use-cases/trainings.ts'
import { describeOnly, retryKey } from '../arguments.ts'
import { describeWarnings, detail, summarizePlan, summarizeTraining } from '../summary.ts'
import { defineTool, type NextCall } from '../tool.ts'
import { MAX_WAIT_SECONDS } from '../wait.ts'
import { object } from './results.ts'

/** The fields of a training whose names do not say enough. */
const DESCRIBED = [
  ...[
    'name',
    'base',
    'dataset',
    'test_dataset',
    'from_adapter',
    'epochs',
    'learning_rate',
    'warmup',
    'batch_tokens',
    'max_tokens',
  ],
  ...['loss', 'label_words', 'calibration_rows', 'evaluate_every', 'device', 'alpha', 'targets', 'variant'],
  ...['rank', 'bottleneck', 'cross_attention', 'activation', 'scaling', 'tokens', 'submodules'],
]

export const launchTraining = defineTool({
  name: 'launch_training',
  title: 'Plan or launch a training',
  description:
    'Train an adapter on a data set. First call with plan_only: true, which checks everything, measures two steps, returns parameters, seconds and memory, and starts nothing. Then call without plan_only, which queues the training and returns at once; follow it with get_training. Pass an idempotency_key with each launch: a call that was cut off can be repeated with the same key.',
  input: z.strictObject(
    {
      ...describeOnly(DESCRIBED, trainingRequest.shape),
      plan_only: z.boolean('true or false').default(false).describe('true: plan the training, but do not start it.'),
      idempotency_key: retryKey,
      detail,
    },
    {
      error: ({ code }) =>
        code === 'unrecognized_keys' ? 'a field of a training or of its method' : 'an object with dataset and method',
    },
  ),
  output: z.object({
    plan: object.optional(),
    estimate: object.optional(),
    training: object.optional(),
    findings: z.array(object).optional(),
  }),
  scope: 'train',
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false },
  example: { dataset: 'films', method: 'lora', rank: 8, plan_only: true },
  async run(platform, { plan_only, idempotency_key, detail, ...request }, { caller, signal }) {
    if (plan_only) {
      if (idempotency_key !== undefined) throwKeyInPlan()
      const planned = await planLaunch(platform, request, signal)
      const { plan, estimate } = planned
      return {
        summary: describePlan(planned),
        next: launchCall(request),
        structured: { plan: detail === 'full' ? plan : summarizePlan(plan), estimate },
      }
    }
    const launched = await launch(platform, request, caller, idempotency_key)
    const findings = await getFindings(platform, launched.dataset)
    return {
      summary: [`${titleOf(launched)} is ${launched.status}.`, ...describeWarnings(findings)].join(' '),
      ...(isActive(launched) && { next: waitCall(launched) }),
      structured: {
        training: detail === 'full' ? launched : summarizeTraining(launched),
        ...(findings?.length && { findings }),
      },
      taskId: launched.id,
    }
  },
})

function describePlan({ plan, estimate }: TrainingPlan): string {
  const { method, trainable, percent, reviews, steps, device, findings } = plan
  return [
    `This is a plan. Nothing has started. ${method} trains ${formatCount(trainable)} parameters (${percent.toPrecision(3)} %) on ${formatCount(reviews)} reviews in ${steps} steps, in about ${Math.ceil(estimate.seconds)} s on ${device}.`,
    ...describeWarnings(findings),
  ].join(' ')
}

export const titleOf = ({ name, id }: Training): string => `Training ${name ?? id}`

/** Returns the call that waits for a training. */
export const waitCall = ({ id }: Training): NextCall => ({
  tool: 'get_training',
  arguments: { training: id, wait_seconds: MAX_WAIT_SECONDS },
})

/** Returns the call that launches what was planned, without the fields that have their defaults. */
function launchCall(request: TrainingRequest): NextCall {
  const defaults: Record<string, unknown> = trainingRequest.parse({ dataset: request.dataset })
  const set = Object.entries(request).filter(([field, value]) => !isDeepStrictEqual(value, defaults[field]))
  const idempotency_key = `launch-${randomUUID().slice(0, 8)}`
  return {
    tool: 'launch_training',
    arguments: { dataset: request.dataset, ...Object.fromEntries(set), idempotency_key },
  }
}

function throwKeyInPlan(): never {
  fail('body_invalid', {
    subject: 'idempotency_key',
    expected: 'no key with plan_only',
    found: 'a key',
    fix: 'Remove it from the plan. Pass it when you launch the training.',
  })
}
