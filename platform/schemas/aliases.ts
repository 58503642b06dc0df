import { z } from 'zod'
import { adapterSnapshot } from './adapters.ts'
import { exactObject, idOrName, pageOf, timestamp, uuid } from './common.ts'

const MARGIN_EXPECTED = 'a share of the reviews from 0 to 1'

const margin = z
  .number(MARGIN_EXPECTED)
  .min(0, MARGIN_EXPECTED)
  .max(1, MARGIN_EXPECTED)
  .describe(
    'The loss of accuracy that the comparison must rule out, as a share of the reviews: 0.01 is one percentage point.',
  )

/** The evidence that every move of an alias requires. */
export const guard = z.strictObject({
  margin,
  dataset: uuid.optional().describe('The data set that the comparison must use. Defaults to any.'),
})
export type Guard = z.infer<typeof guard>

export const DEFAULT_MARGIN = 0.01

export const aliasRequest = exactObject({
  adapter: idOrName('an adapter').describe('The adapter that the alias will point to.'),
  comparison: z
    .uuid('a comparison id')
    .optional()
    .describe(
      'A comparison of the current adapter with the new one. The alias moves only if the comparison shows that the new adapter is not worse.',
    ),
  guard: exactObject({
    margin: margin.default(DEFAULT_MARGIN),
    dataset: idOrName('a data set').optional().describe('The data set that each comparison must use. Defaults to any.'),
  })
    .nullable()
    .optional()
    .describe('Requires a comparison for every later move; null removes the guard. Defaults to the current guard.'),
  force: z
    .boolean('true or false')
    .default(false)
    .describe('Moves the alias without the evidence that its guard requires. Needs the scope admin, and is recorded.'),
})
export type AliasRequest = z.input<typeof aliasRequest>

export const alias = z.strictObject({
  name: z.string(),
  adapter: adapterSnapshot.describe('The adapter that the alias points to.'),
  guard: guard.describe('The evidence that a move requires.').optional(),
  created_at: timestamp,
  moved_at: timestamp,
})
export type Alias = z.infer<typeof alias>

export const aliasList = pageOf(alias)
export type AliasList = z.infer<typeof aliasList>

export const aliasMove = z.strictObject({
  id: uuid,
  alias: z.string(),
  from: adapterSnapshot.describe('The previous adapter. Not set if the alias was created.').optional(),
  to: adapterSnapshot.describe('The new adapter. Not set if the alias was removed.').optional(),
  guard: guard.describe('The guard after the move.').optional(),
  comparison: uuid.optional().describe('The comparison that showed that the new adapter is not worse.'),
  forced: z.boolean().describe('Whether the move ignored the guard.'),
  key: uuid.optional().describe('The API key of the request.'),
  created_at: timestamp,
})
export type AliasMove = z.infer<typeof aliasMove>

export const aliasMoveList = pageOf(aliasMove)
export type AliasMoveList = z.infer<typeof aliasMoveList>
