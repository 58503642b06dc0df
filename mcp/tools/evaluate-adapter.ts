import { z } from 'zod'
import { exactObject } from '../../platform/schemas/common.ts'
import { type Evaluation, evaluationRequest } from '../../platform/schemas/evaluations.ts'
import { createEvaluation, getEvaluation } from '../../platform/use-cases/evaluations.ts'
import { pollEvaluation } from '../../platform/use-cases/poll.ts'
import { retryKey } from '../arguments.ts'
import { type Detail, detail, summarizeEvaluation } from '../summary.ts'
import { defineTool, type ToolResult } from '../tool.ts'
import { MAX_WAIT_SECONDS, pollUnlessTask, throwNothingToDo, waitSeconds } from '../wait.ts'
import { object } from './results.ts'

const { adapter, dataset } = evaluationRequest.shape

export const evaluateAdapter = defineTool({
  name: 'evaluate_adapter',
  title: 'Evaluate an adapter',
  description:
    'Measure an adapter on a data set: accuracy with its 95 % interval, F1 and calibration. To find out which of several is better, call compare_adapters instead. If it has not ended when the call returns, call again with its id in evaluation.',
  input: exactObject({
    adapter: adapter.optional(),
    dataset: dataset.optional(),
    evaluation: z.uuid('an evaluation id').optional().describe('Id of an evaluation to wait for, instead.'),
    wait_seconds: waitSeconds.default(MAX_WAIT_SECONDS),
    idempotency_key: retryKey,
    detail,
  }),
  output: z.object({ evaluation: object }),
  scope: 'train',
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false },
  example: { adapter: 'film-lora', dataset: 'films-test' },
  async run(platform, { adapter, dataset, evaluation, wait_seconds, idempotency_key: key, detail }, context) {
    const start = async () =>
      adapter === undefined || dataset === undefined
        ? throwNothingToDo({ adapter, dataset }, 'an evaluation')
        : (await createEvaluation(platform, { adapter, dataset }, context.caller, key)).id
    const id = evaluation ?? (await start())
    const current = await getEvaluation(platform, id)
    const ended = await pollUnlessTask(current, (id) => pollEvaluation(platform, id), wait_seconds, context)
    return { ...toEvaluationResult(ended, detail), taskId: id }
  },
})

export function toEvaluationResult(evaluation: Evaluation, detail: Detail): ToolResult<{ evaluation: object }> {
  const { id, status, metrics, error } = evaluation
  const hasEnded = metrics !== undefined || error !== undefined || status === 'cancelled'
  return {
    summary: describeEvaluation(evaluation),
    ...(!hasEnded && { next: { tool: 'evaluate_adapter', arguments: { evaluation: id } } }),
    structured: { evaluation: detail === 'full' ? evaluation : summarizeEvaluation(evaluation) },
  }
}

const percent = (share: unknown): string => (100 * Number(share)).toFixed(1)

function describeEvaluation({ status, metrics, error }: Evaluation): string {
  if (error) return `The evaluation failed. ${error.detail} ${error.fix}`
  if (!metrics) return `The evaluation is ${status}.`
  const [low, high] = metrics.interval as [number, number]
  return `Accuracy ${percent(metrics.accuracy)} % [${percent(low)}, ${percent(high)}] on ${metrics.n} reviews.`
}
