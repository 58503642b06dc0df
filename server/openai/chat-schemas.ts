import { z } from 'zod'
import { only, reference } from '../../platform/schemas/common.ts'
import { none } from './none.ts'

const part = z.looseObject({ type: z.string() })
const message = z.looseObject({
  role: z.string('a role such as user'),
  content: z.union([z.string(), z.array(part), z.null()], { error: 'a text, or a list of parts' }).optional(),
})

/** What changes nothing in the answer of a classifier, which is the likeliest label. */
const unheeded = z.unknown().optional().describe('changes nothing: the answer is the likeliest label')

export const chatRequest = only({
  model: reference('a model').describe('a fine-tuned model, or an alias that leads to one'),
  messages: z
    .array(message, { error: 'a list of messages' })
    .min(1, 'one message at least')
    .describe('the last one of the user is classified; no other is read'),
  logprobs: z.boolean('true or false').nullish(),
  top_logprobs: z
    .int('a whole number from 0 to 20')
    .min(0, 'a whole number from 0 to 20')
    .max(20, 'a whole number from 0 to 20')
    .nullish()
    .describe('labels with their log-probabilities, the likeliest first; needs logprobs'),
  stream: z.boolean('true or false').nullish(),
  stream_options: only({ include_usage: z.boolean('true or false').optional() }).nullish(),
  n: z.literal(1, '1: there is one likeliest label').nullish(),
  response_format: only({ type: z.literal('text', 'text: the answer is the label') }).nullish(),
  modalities: z.tuple([z.literal('text', 'text alone')], 'text alone').nullish(),
  tools: none('none: a classifier calls no tools'),
  functions: none('none: a classifier calls no functions'),
  store: z.literal(false, 'false: nothing of a request is kept').nullish(),
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
    ].map((field) => [field, unheeded]),
  ),
}).superRefine(({ logprobs, top_logprobs }, context) => {
  if (top_logprobs && !logprobs)
    context.addIssue({ code: 'custom', path: ['logprobs'], message: 'true, since top_logprobs is given' })
})
export type ChatRequest = z.infer<typeof chatRequest>

const logprob = z.strictObject({
  token: z.string().describe('the label'),
  logprob: z.number().describe('natural logarithm of its calibrated probability'),
  bytes: z.array(z.int()).describe('the label in UTF-8'),
})

const logprobs = z
  .strictObject({
    content: z.array(logprob.extend({ top_logprobs: z.array(logprob) })),
    refusal: z.null(),
  })
  .nullable()

const usage = z.strictObject({
  prompt_tokens: z.int().describe('tokens that were read'),
  completion_tokens: z.int(),
  total_tokens: z.int(),
})

const common = {
  id: z.string(),
  created: z.int().describe('seconds since 1970'),
  model: z.string().describe('name of the adapter that answered'),
  system_fingerprint: z.string().describe('of its weights'),
}

export const completion = z.strictObject({
  ...common,
  object: z.literal('chat.completion'),
  choices: z.array(
    z.strictObject({
      index: z.int(),
      message: z.strictObject({
        role: z.literal('assistant'),
        content: z.string().describe('the label'),
        refusal: z.null(),
      }),
      logprobs,
      finish_reason: z.literal('stop'),
    }),
  ),
  usage,
  graft: z.strictObject({ truncated: z.boolean().describe('the text was longer than what was read') }),
})
export type Completion = z.infer<typeof completion>

/** One event of a streamed answer. */
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
