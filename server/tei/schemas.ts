import { z } from 'zod'

// The contract of text-embeddings-inference's POST /predict. It ignores unknown fields, and so do these schemas.

const single = z.tuple([z.string()]).describe('One text.')
const pair = z.tuple([z.string(), z.string()]).describe('A pair of texts.')

/** A flat list is one text or one pair; only a list of lists is a batch. */
const inputs = z.union(
  [z.string().describe('One text.'), single, pair, z.array(z.union([single, pair])).min(1, 'at least one text')],
  {
    error: 'a text, a pair of texts ["a", "b"], or a batch of texts and pairs [["a"], ["b", "c"], …]',
  },
)
export type Inputs = z.infer<typeof inputs>

const flag = (description: string) => z.boolean({ error: 'true or false' }).describe(description)

/** Left or right, which text-embeddings-inference accepts in lower case too. */
const direction = z.preprocess(
  (side) => (side === 'left' ? 'Left' : side === 'right' ? 'Right' : side),
  z.enum(['Left', 'Right'], { error: 'Left or Right' }),
)

export const predictRequest = z
  .looseObject(
    {
      inputs,
      truncate: flag('If false, rejects texts that are too long. Otherwise truncates them.').nullish(),
      truncation_direction: direction
        .optional()
        .describe('Side on which long texts are truncated. Defaults to the side that the adapter was trained with.'),
      raw_scores: flag('If true, returns the raw scores of the model instead of probabilities.').default(false),
    },
    { error: 'an object with inputs' },
  )
  .describe('A request as text-embeddings-inference defines it.')
export type PredictRequest = z.infer<typeof predictRequest>

const predictions = z.array(z.strictObject({ score: z.number(), label: z.string() }))

/** The labels of one input, most likely first, or one such list per input of a batch. */
export const predictResponse = z.union([predictions, z.array(predictions)])
export type PredictResponse = z.infer<typeof predictResponse>

export const errorTypes = ['Unhealthy', 'Backend', 'Overloaded', 'Validation', 'Tokenizer', 'Empty'] as const

export const errorResponse = z.strictObject({ error: z.string(), error_type: z.enum(errorTypes) })
export type ErrorResponse = z.infer<typeof errorResponse>
