import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import type { Platform } from '../../platform/platform.ts'
import { idempotencyKey, only } from '../../platform/schemas/common.ts'
import { type Comparison, comparison, comparisonRequest } from '../../platform/schemas/comparisons.ts'
import { createComparison, getComparison } from '../../platform/use-cases/comparisons.ts'
import { type Detail, detail, shortComparison } from '../summary.ts'
import { type Call, type ToolAnswer, tool } from '../tool.ts'
import { LONGEST, waited, waitSeconds } from '../wait.ts'

const { adapters, dataset } = comparisonRequest.shape

const output = z.strictObject({ comparison: comparison.partial().extend({ result: z.looseObject({}).optional() }) })

export const compareAdapters = tool({
  name: 'compare_adapters',
  title: 'Compare adapters',
  description: `Which of some adapters is better on a data set, and whether that can be told at all: accuracies with intervals, an exact McNemar test for each pair, and a verdict in words. Repeat the verdict as it stands: "cannot tell" does not mean that they are equal. It may take longer than a call lasts: call again with the id in comparison.`,
  input: only({
    adapters: adapters.optional(),
    dataset: dataset.optional(),
    comparison: z
      .uuid('the id of a comparison')
      .optional()
      .describe('one that was begun, in place of adapters and dataset'),
    wait_seconds: waitSeconds.default(LONGEST),
    idempotency_key: idempotencyKey.optional(),
    detail,
  }),
  output,
  scope: 'train',
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false },
  example: { adapters: ['film-lora', 'film-adapter'], dataset: 'imdb-test' },
  async run(platform, { wait_seconds, idempotency_key: key, detail, ...asked }, call) {
    const id = asked.comparison ?? (await begun(platform, asked, call, key))
    // A task is there at once; its client waits by itself.
    const seconds = call.takesTasks ? 0 : wait_seconds
    const answer = comparisonAnswer(await waited(() => getComparison(platform, id), seconds, call), detail)
    return { ...answer, task: id }
  },
})

async function begun(
  platform: Platform,
  { adapters, dataset }: { adapters?: string[]; dataset?: string },
  { caller }: Call,
  key: string | undefined,
): Promise<string> {
  if (adapters && dataset !== undefined)
    return (await createComparison(platform, { adapters, dataset }, caller, key)).id
  return fail('body_invalid', {
    subject: adapters ? 'dataset' : 'adapters',
    expected: 'adapters and a dataset, or the id of a comparison that was begun',
    found: 'nothing',
    fix: 'Give both, or comparison alone.',
  })
}

export function comparisonAnswer(comparison: Comparison, detail: Detail): ToolAnswer<z.input<typeof output>> {
  return {
    structured: { comparison: detail === 'full' ? comparison : shortComparison(comparison) },
    text: inWords(comparison),
  }
}

function inWords({ id, status, result, error }: Comparison): string {
  if (result) return `${result.verdict}.`.replace(/\.\.$/, '.')
  if (error) return `The comparison has failed. ${error.detail} ${error.fix}`
  return `The comparison is ${status}. Wait for it: compare_adapters ${JSON.stringify({ comparison: id })}`
}
