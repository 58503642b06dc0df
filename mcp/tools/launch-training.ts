import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { idempotencyKey } from '../../platform/schemas/common.ts'
import { type Training, training, trainingPlan, trainingRequest } from '../../platform/schemas/trainings.ts'
import { planTraining } from '../../platform/use-cases/plan-training.ts'
import { launchTraining as launch } from '../../platform/use-cases/trainings.ts'
import { detail, shortPlan, shortTraining } from '../summary.ts'
import { tool } from '../tool.ts'

/** A training of which little may be told. */
export const briefTraining = training.partial().required({ id: true, status: true })

export const launchTraining = tool({
  name: 'launch_training',
  title: 'Plan or launch a training',
  description:
    'Trains an adapter on a data set. Call it with plan_only: true first: that checks everything, measures two steps and tells parameters, steps, seconds and memory, and starts nothing. Without plan_only the training is queued and the answer comes at once; follow it with get_training. With an idempotency_key a repetition, after a time-out say, answers with the first training and starts nothing.',
  input: z.strictObject(
    {
      ...trainingRequest.shape,
      plan_only: z.boolean('true or false').default(false).describe('true plans and starts nothing'),
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
    training: briefTraining.optional().describe('the one that was launched; absent in a plan'),
  }),
  scope: 'train',
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false },
  example: { dataset: 'films', method: 'lora', rank: 8, plan_only: true },
  async run(platform, { plan_only, idempotency_key, detail, ...request }, { caller, signal }) {
    if (plan_only) {
      if (idempotency_key !== undefined) keyless()
      const { plan, estimate } = await planTraining(platform, request, signal)
      const { trainable, percent, reviews, steps, leaked } = plan
      const seen = leaked ? ` ${leaked} texts of the test data are in the training data, too.` : ''
      return {
        structured: { plan: detail === 'full' ? plan : shortPlan(plan), estimate },
        text: `A plan; nothing was started. ${plan.method} trains ${trainable.toLocaleString('en')} parameters (${percent.toPrecision(3)} %) on ${reviews.toLocaleString('en')} reviews in ${steps} steps: about ${Math.ceil(estimate.seconds)} s on ${plan.device}.${seen} To launch it, call again without plan_only and with an idempotency_key.`,
      }
    }
    const launched = await launch(platform, request, caller, idempotency_key)
    return {
      structured: { training: detail === 'full' ? launched : shortTraining(launched) },
      task: launched.id,
      text: `${nameOf(launched)} is ${launched.status}. Follow it: get_training ${JSON.stringify({ training: launched.id, wait_seconds: 30 })}`,
    }
  },
})

export const nameOf = ({ name, id }: Training): string => `Training ${name ?? id}`

function keyless(): never {
  fail('body_invalid', {
    subject: 'idempotency_key',
    expected: 'no key in a plan',
    found: 'one beside plan_only',
    fix: 'Leave it out of the plan, and give it when you launch.',
  })
}
