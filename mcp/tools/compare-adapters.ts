import { z } from 'zod'
import { exactObject } from '../../platform/schemas/common.ts'
import { type Comparison, comparisonRequest, MAX_COMPARED } from '../../platform/schemas/comparisons.ts'
import { createComparison, getComparison } from '../../platform/use-cases/comparisons.ts'
import { pollComparison } from '../../platform/use-cases/poll.ts'
import { retryKey } from '../arguments.ts'
import { type Detail, detail, summarizeComparison } from '../summary.ts'
import { defineTool, type ToolResult } from '../tool.ts'
import { MAX_WAIT_SECONDS, pollUnlessTask, throwNothingToDo, waitSeconds } from '../wait.ts'
import { object } from './results.ts'

const { adapters, pipelines, dataset } = comparisonRequest.shape

export const compareAdapters = defineTool({
  name: 'compare_adapters',
  title: 'Compare adapters',
  description: `Compare 2 to ${MAX_COMPARED} adapters on a data set, or adapters with text classifiers of the hub (pipelines). The result has accuracies with intervals, an exact McNemar test for each pair, and a verdict in words. Quote the verdict as it is: "cannot tell" does not mean that the adapters are equal. If the comparison has not ended when the call returns, call again with its id in comparison.`,
  input: exactObject({
    adapters: adapters.optional(),
    pipelines,
    dataset: dataset.optional(),
    comparison: z.uuid('a comparison id').optional().describe('Id of a comparison to wait for, instead.'),
    wait_seconds: waitSeconds.default(MAX_WAIT_SECONDS),
    idempotency_key: retryKey,
    detail,
  }),
  output: z.object({ comparison: object }),
  scope: 'train',
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false },
  example: { adapters: ['film-lora', 'film-adapter'], dataset: 'imdb-test' },
  async run(
    platform,
    { adapters, pipelines, dataset, comparison, wait_seconds, idempotency_key: key, detail },
    context,
  ) {
    const start = async () =>
      adapters === undefined || dataset === undefined
        ? throwNothingToDo({ adapters, dataset }, 'a comparison')
        : (await createComparison(platform, { adapters, pipelines, dataset }, context.caller, key)).id
    const id = comparison ?? (await start())
    const current = await getComparison(platform, id)
    const ended = await pollUnlessTask(current, (id) => pollComparison(platform, id), wait_seconds, context)
    return { ...toComparisonResult(ended, detail), taskId: id }
  },
})

export function toComparisonResult(comparison: Comparison, detail: Detail): ToolResult<{ comparison: object }> {
  const { id, result, error, status } = comparison
  const hasEnded = result !== undefined || error !== undefined || status === 'cancelled'
  return {
    summary: describeComparison(comparison),
    ...(!hasEnded && { next: { tool: 'compare_adapters', arguments: { comparison: id } } }),
    structured: { comparison: detail === 'full' ? comparison : summarizeComparison(comparison) },
  }
}

function describeComparison({ status, result, error }: Comparison): string {
  if (result) return `${result.verdict}.`.replace(/\.\.$/, '.')
  if (error) return `The comparison failed. ${error.detail} ${error.fix}`
  return `The comparison is ${status}.`
}
