import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import type { Platform } from '../../platform/platform.ts'
import { exactObject, idempotencyKey } from '../../platform/schemas/common.ts'
import { type Comparison, comparison, comparisonRequest, MAX_COMPARED } from '../../platform/schemas/comparisons.ts'
import { createComparison, getComparison } from '../../platform/use-cases/comparisons.ts'
import { type Detail, detail, summarizeComparison } from '../summary.ts'
import { type CallContext, defineTool, type ToolResult } from '../tool.ts'
import { MAX_WAIT_SECONDS, pollUntilDone, waitSeconds } from '../wait.ts'

const { adapters, dataset } = comparisonRequest.shape

const output = z.strictObject({ comparison: comparison.partial().extend({ result: z.looseObject({}).optional() }) })

export const compareAdapters = defineTool({
  name: 'compare_adapters',
  title: 'Compare adapters',
  description: `Compare 2 to ${MAX_COMPARED} adapters on a data set. The result has accuracies with intervals, an exact McNemar test for each pair, and a verdict in words. Quote the verdict as it is: "cannot tell" does not mean that the adapters are equal. If the comparison has not ended when the call returns, call again with its id in comparison.`,
  input: exactObject({
    adapters: adapters.optional(),
    dataset: dataset.optional(),
    comparison: z
      .uuid('a comparison id')
      .optional()
      .describe('Id of a comparison to wait for, instead of adapters and dataset.'),
    wait_seconds: waitSeconds.default(MAX_WAIT_SECONDS),
    idempotency_key: idempotencyKey.optional(),
    detail,
  }),
  output,
  scope: 'train',
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false },
  example: { adapters: ['film-lora', 'film-adapter'], dataset: 'imdb-test' },
  async run(platform, { wait_seconds, idempotency_key, detail, ...request }, context) {
    const id = request.comparison ?? (await startComparison(platform, request, context, idempotency_key))
    // A client that accepts tasks gets a task at once and polls it.
    const seconds = context.acceptsTasks ? 0 : wait_seconds
    const comparison = await pollUntilDone(() => getComparison(platform, id), seconds, context)
    return { ...toComparisonResult(comparison, detail), taskId: id }
  },
})

/** @returns the id of the new comparison */
async function startComparison(
  platform: Platform,
  { adapters, dataset }: { adapters?: string[]; dataset?: string },
  { caller }: CallContext,
  key: string | undefined,
): Promise<string> {
  if (adapters && dataset !== undefined)
    return (await createComparison(platform, { adapters, dataset }, caller, key)).id
  return fail('body_invalid', {
    subject: adapters ? 'dataset' : 'adapters',
    expected: 'adapters and dataset, or the id of a comparison',
    found: 'nothing',
    fix: 'Pass adapters and dataset, or only comparison.',
  })
}

export function toComparisonResult(comparison: Comparison, detail: Detail): ToolResult<z.input<typeof output>> {
  return {
    structured: { comparison: detail === 'full' ? comparison : summarizeComparison(comparison) },
    text: describeComparison(comparison),
  }
}

function describeComparison({ id, status, result, error }: Comparison): string {
  if (result) return `${result.verdict}.`.replace(/\.\.$/, '.')
  if (error) return `The comparison failed. ${error.detail} ${error.fix}`
  return `The comparison is ${status}. Next call: compare_adapters ${JSON.stringify({ comparison: id })}`
}
