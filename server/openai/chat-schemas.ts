import { z } from 'zod'
import { exactObject, idOrName } from '../../platform/schemas/common.ts'
import { emptyList } from './empty-list.ts'

const part = z.looseObject({ type: z.string() })
const message = z.looseObject({
  role: z.string('a role such as user'),
  content: z.union([z.string(), z.array(part), z.null()], { error: 'a text or a list of parts' }).optional(),
})

/** A parameter that does not affect a classifier, whose answer is the most likely label. */
const ignored = z.unknown().optional().describe('Has no effect. The answer is the most likely label.')

export const chatRequest = exactObject({
  model: idOrName('a model').describe('A fine-tuned model, or an alias that points to one.'),
  messages: z
    .array(message, { error: 'a list of messages' })
    .min(1, 'at least one message')
    .describe('The last user message is classified. All other messages are ignored.'),
  logprobs: z.boolean('true or false').nullish(),
  top_logprobs: z
    .int('a whole number from 0 to 20')
    .min(0, 'a whole number from 0 to 20')
    .max(20, 'a whole number from 0 to 20')
    .nullish()
    .describe('Number of labels to return with their log-probabilities, most likely first. Requires logprobs.'),
  stream: z.boolean('true or false').nullish(),
  stream_options: exactObject({ include_usage: z.boolean('true or false').optional() }).nullish(),
  n: z.literal(1, '1, because there is only one most likely label').nullish(),
  response_format: exactObject({ type: z.literal('text', 'text, because the answer is the label') }).nullish(),
  modalities: z.tuple([z.literal('text', 'only text')], 'only text').nullish(),
  tools: emptyList('none, because a classifier does not call tools'),
  functions: emptyList('none, because a classifier does not call functions'),
  store: z.literal(false, 'false, because requests are not stored').nullish(),
  ...Object.fromEntries(
    [
      'temperature',
      'top_p',
      'frequency_penalty',
      'presence_penalty',
      'max_tokens',
      'max_completion_tokens',
      'seed',
      'stop',
      'user',
      'safety_identifier',
      'prompt_cache_key',
      'service_tier',
      'metadata',
      'reasoning_effort',
      'verbosity',
      'tool_choice',
      'parallel_tool_calls',
    ].map((field) => [field, ignored]),
  ),
}).superRefine(({ logprobs, top_logprobs }, context) => {
  if (top_logprobs && !logprobs)
    context.addIssue({ code: 'custom', path: ['logprobs'], message: 'true, because top_logprobs is set' })
})
export type ChatRequest = z.infer<typeof chatRequest>

const logprob = z.strictObject({
  token: z.string().describe('The label.'),
  logprob: z.number().describe('Natural logarithm of its calibrated probability.'),
  bytes: z.array(z.int()).describe('The label in UTF-8.'),
})

const logprobs = z
  .strictObject({
    content: z.array(logprob.extend({ top_logprobs: z.array(logprob) })),
    refusal: z.null(),
  })
  .nullable()

const usage = z.strictObject({
  prompt_tokens: z.int().describe('Tokens of the text after truncation.'),
  completion_tokens: z.int(),
  total_tokens: z.int(),
})

const common = {
  id: z.string(),
  created: z.int().describe('Unix time in seconds.'),
  model: z.string().describe('Name of the adapter.'),
  system_fingerprint: z.string().describe('Identifies the weights of the adapter.'),
}

export const completion = z.strictObject({
  ...common,
  object: z.literal('chat.completion'),
  choices: z.array(
    z.strictObject({
      index: z.int(),
      message: z.strictObject({
        role: z.literal('assistant'),
        content: z.string().describe('The label.'),
        refusal: z.null(),
      }),
      logprobs,
      finish_reason: z.literal('stop'),
    }),
  ),
  usage,
  graft: z.strictObject({ truncated: z.boolean().describe('Whether the text was truncated.') }),
})
export type Completion = z.infer<typeof completion>

/** An event of a streamed completion. */
export const chunk = z.strictObject({
  ...common,
  object: z.literal('chat.completion.chunk'),
  choices: z.array(
    z.strictObject({
      index: z.int(),
      delta: z.strictObject({ role: z.literal('assistant').optional(), content: z.string().optional() }),
      logprobs,
      finish_reason: z.literal('stop').nullable(),
    }),
  ),
  usage: usage.nullable().optional(),
})
export type Chunk = z.infer<typeof chunk>
