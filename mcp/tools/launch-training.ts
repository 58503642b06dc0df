import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { idempotencyKey } from '../../platform/schemas/common.ts'
import {
  type Training,
  type TrainingPlan,
  training,
  trainingPlan,
  trainingRequest,
} from '../../platform/schemas/trainings.ts'
import { planLaunch } from '../../platform/use-cases/plan-training.ts'
import { launchTraining as launch } from '../../platform/use-cases/trainings.ts'
import { detail, summarizePlan, summarizeTraining } from '../summary.ts'
import { defineTool } from '../tool.ts'
import { MAX_WAIT_SECONDS } from '../wait.ts'

/** A training in a result. A summary may leave out all fields except id and status. */
export const partialTraining = training.partial().required({ id: true, status: true })

export const launchTraining = defineTool({
  name: 'launch_training',
  title: 'Plan or launch a training',
  description:
    'Train an adapter on a data set. First call with plan_only: true. This checks the arguments and the data, measures two steps, returns parameters, steps, seconds and memory, and starts nothing. Then call without plan_only. This queues the training and returns at once. Call get_training to follow it. Pass an idempotency_key with each launch. If a call times out, repeat it with the same key: it returns the first training and starts nothing twice.',
  input: z.strictObject(
    {
      ...trainingRequest.shape,
      plan_only: z.boolean('true or false').default(false).describe('true: plan the training, but do not start it.'),
      idempotency_key: idempotencyKey.optional(),
      detail,
    },
    {
      error: ({ code }) =>
        code === 'unrecognized_keys' ? 'a field of a training or of its method' : 'an object with dataset and method',
    },
  ),
  output: z.strictObject({
    ...trainingPlan.partial().shape,
    training: partialTraining.optional().describe('The launched training. Not set in a plan.'),
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
        structured: { plan: detail === 'full' ? plan : summarizePlan(plan), estimate },
        text: describePlan(planned),
      }
    }
    const launched = await launch(platform, request, caller, idempotency_key)
    return {
      structured: { training: detail === 'full' ? launched : summarizeTraining(launched) },
      taskId: launched.id,
      text: `${titleOf(launched)} is ${launched.status}. ${describeNextCall(launched)}`,
    }
  },
})

function describePlan({ plan, estimate }: TrainingPlan): string {
  const { method, trainable, percent, reviews, steps, device, leaked } = plan
  const count = (n: number) => n.toLocaleString('en')
  return [
    `This is a plan. Nothing has started. ${method} trains ${count(trainable)} parameters (${percent.toPrecision(3)} %) on ${count(reviews)} reviews in ${steps} steps, in about ${Math.ceil(estimate.seconds)} s on ${device}.`,
    ...(leaked
      ? [`Warning: ${leaked} texts of the test data are also in the training data. The accuracy will look too good.`]
      : []),
    'To launch the training, call again without plan_only and with an idempotency_key.',
  ].join(' ')
}

export const titleOf = ({ name, id }: Training): string => `Training ${name ?? id}`

/** Returns the call that waits for a training. */
export const describeNextCall = ({ id }: Training): string =>
  `Next call: get_training ${JSON.stringify({ training: id, wait_seconds: MAX_WAIT_SECONDS })}`

function throwKeyInPlan(): never {
  fail('body_invalid', {
    subject: 'idempotency_key',
    expected: 'no key with plan_only',
    found: 'a key',
    fix: 'Remove it from the plan. Pass it when you launch the training.',
  })
}
