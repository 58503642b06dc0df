import { z } from 'zod'
import { exactObject } from '../../platform/schemas/common.ts'

// The contract of text classification on Hugging Face's Inference Endpoints.

const EXPECTED_INPUTS = 'a text, a pair {"text": "a", "text_pair": "b"}, or a list of these'

const input = z.union(
  [z.string().describe('One text.'), z.strictObject({ text: z.string(), text_pair: z.string().nullish() })],
  { error: EXPECTED_INPUTS },
)
export type EndpointInput = z.infer<typeof input>

const TOP_K_EXPECTED = 'a whole number of at least 1'

const ignored = z.unknown().optional().describe('Has no effect. Long texts are truncated as the adapter was trained.')

export const endpointRequest = z
  .looseObject(
    {
      inputs: z.union([input, z.array(input).min(1, 'at least one text')], { error: EXPECTED_INPUTS }),
      parameters: exactObject({
        top_k: z
          .int(TOP_K_EXPECTED)
          .min(1, TOP_K_EXPECTED)
          .nullish()
          .describe('Number of labels to return for each input. Defaults to all.'),
        function_to_apply: z
          .enum(['softmax', 'sigmoid', 'none'], { error: 'softmax, sigmoid or none' })
          .nullish()
          .describe(
            'Function that turns logits into scores. Defaults to softmax, which includes the temperature of the adapter.',
          ),
        truncation: ignored,
        padding: ignored,
      }).nullish(),
    },
    { error: 'an object with inputs' },
  )
  .describe('A request as Inference Endpoints define it. Fields such as options have no effect.')
export type EndpointRequest = z.infer<typeof endpointRequest>

export const endpointResponse = z.array(z.array(z.strictObject({ label: z.string(), score: z.number() })))
