import { z } from 'zod'
import { aliasRequest } from '../../platform/schemas/aliases.ts'
import { exactObject, resourceName } from '../../platform/schemas/common.ts'
import { setAlias } from '../../platform/use-cases/aliases.ts'
import { defineTool } from '../tool.ts'
import { object } from './results.ts'

const { adapter, comparison } = aliasRequest.shape

export const promoteAdapter = defineTool({
  name: 'promote_adapter',
  title: 'Promote an adapter',
  description:
    'Point an alias, a stable name such as production, to an adapter. From then on that adapter answers under the alias. A guarded alias moves only with a comparison of its current adapter with the new one that shows no loss. Promote only what the user has approved.',
  input: exactObject({
    alias: resourceName.describe('The alias. It is created if it does not exist.'),
    adapter,
    comparison,
  }),
  output: z.object({ alias: object }),
  scope: 'train',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  example: { alias: 'production', adapter: 'film-lora' },
  async run(platform, { alias: name, ...request }, { caller }) {
    const alias = await setAlias(platform, name, request, caller)
    return {
      summary: `${name} points to ${alias.adapter.name}.`,
      next: { tool: 'classify_reviews', arguments: { reviews: ['…'], adapter: name } },
      structured: { alias },
    }
  },
})
