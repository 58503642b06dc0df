import { z } from 'zod'
import { namedWeights } from './adapters.ts'
import { only, pageOf, reference, timestamp, uuid } from './common.ts'

const margin = z
  .number('a share of the reviews from 0 to 1')
  .min(0, 'a share of the reviews from 0 to 1')
  .max(1, 'a share of the reviews from 0 to 1')
  .describe('loss of accuracy that a comparison must rule out, as a share of the reviews: 0.01 is one point')

/** What every move of an alias has to show. */
export const guard = z.strictObject({
  margin,
  dataset: uuid.optional().describe('on which the comparison has to be; any where absent'),
})
export type Guard = z.infer<typeof guard>

export const MARGIN = 0.01

export const aliasRequest = only({
  adapter: reference('an adapter').describe('that the alias shall lead to'),
  comparison: z
    .uuid('the id of a comparison')
    .optional()
    .describe(
      'of the adapter that it leads to with the new one; the move is made only if it shows that the new one is not worse',
    ),
  guard: only({
    margin: margin.default(MARGIN),
    dataset: reference('a data set').optional().describe('on which each comparison has to be'),
  })
    .nullable()
    .optional()
    .describe('from now on every move needs such a comparison; null lifts that; as it was where absent'),
  force: z
    .boolean('true or false')
    .default(false)
    .describe('moves it without what the guard demands; needs the scope admin, and is recorded'),
})
export type AliasRequest = z.input<typeof aliasRequest>

export const alias = z.strictObject({
  name: z.string(),
  adapter: namedWeights.describe('what it leads to'),
  guard: guard.optional().describe('what a move has to show'),
  created_at: timestamp,
  moved_at: timestamp,
})
export type Alias = z.infer<typeof alias>

export const aliasList = pageOf(alias)
export type AliasList = z.infer<typeof aliasList>

export const aliasMove = z.strictObject({
  id: uuid,
  alias: z.string(),
  from: namedWeights.optional().describe('absent where the alias was made'),
  to: namedWeights.optional().describe('absent where the alias was removed'),
  guard: guard.optional().describe('as it was after the move'),
  comparison: uuid.optional().describe('that showed that the new one is not worse'),
  forced: z.boolean().describe('the guard was passed over'),
  key: uuid.optional().describe('with which it was asked for'),
  created_at: timestamp,
})
export type AliasMove = z.infer<typeof aliasMove>

export const aliasMoveList = pageOf(aliasMove)
export type AliasMoveList = z.infer<typeof aliasMoveList>
