import { z } from 'zod'

// The contract of text-embeddings-inference's POST /predict. Fields that it does not know it overlooks, and so do these.

const single = z.tuple([z.string()]).describe('one text')
const pair = z.tuple([z.string(), z.string()]).describe('a pair of texts')

/** A list of texts is one text or a pair; only a list of lists is a batch. */
const inputs = z.union(
  [z.string().describe('one text'), single, pair, z.array(z.union([single, pair])).min(1, 'at least one text')],
  {
    error: 'a text, a pair of texts ["a", "b"], or a batch of texts and pairs [["a"], ["b", "c"], …]',
  },
)
export type Inputs = z.infer<typeof inputs>

const flag = (what: string) => z.boolean({ error: 'true or false' }).describe(what)

export const predictRequest = z
  .looseObject(
    {
      inputs,
      truncate: flag('false refuses what is too long; otherwise it is cut').nullish(),
      truncation_direction: z
        .enum(['Left', 'Right', 'left', 'right'], { error: 'Left or Right' })
        .optional()
        .describe('the end at which a text is cut; as the adapter was trained, where absent'),
      raw_scores: flag('scores as the model gives them, not probabilities').default(false),
    },
    { error: 'an object with inputs' },
  )
  .describe("text-embeddings-inference's request")
export type PredictRequest = z.infer<typeof predictRequest>

const predictions = z.array(z.strictObject({ score: z.number(), label: z.string() }))

/** The labels of one input from the likeliest on, or such a list for each of a batch. */
export const predictResponse = z.union([predictions, z.array(predictions)])
export type PredictResponse = z.infer<typeof predictResponse>

export const errorTypes = ['Unhealthy', 'Backend', 'Overloaded', 'Validation', 'Tokenizer', 'Empty'] as const

export const errorResponse = z.strictObject({ error: z.string(), error_type: z.enum(errorTypes) })
export type ErrorResponse = z.infer<typeof errorResponse>
