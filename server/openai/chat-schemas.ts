import { z } from 'zod'
import { exactObject, idOrName } from '../../platform/schemas/common.ts'

const part = z.looseObject({ type: z.string() })
const message = z.looseObject({
  role: z.string('a role such as user'),
  content: z.union([z.string(), z.array(part), z.null()], { error: 'a text or a list of parts' }).optional(),
})

/** A parameter that does not affect a classifier, whose answer is the most likely label. */
const ignored = z.unknown().optional().describe('Has no effect. The answer is the most likely label.')

const flag = z.boolean('true or false').nullish()
const LOGPROBS_EXPECTED = 'a whole number from 0 to 20'

/** The choice of a tool. Only `none` and `auto` leave the answer to the model. */
const toolChoice = (expected: string) => z.enum(['none', 'auto'], expected).nullish()

/** Returns the schema of an object without options, which asks for nothing. */
const emptyObject = (expected: string) => z.strictObject({}, expected).nullish()

export const chatRequest = exactObject({
  model: idOrName('a model').describe('A fine-tuned model, or an alias that points to one.'),
  messages: z
    .array(message, { error: 'a list of messages' })
    .min(1, 'at least one message')
    .describe('The last user message is classified. All other messages are ignored.'),
  logprobs: flag,
  top_logprobs: z
    .int(LOGPROBS_EXPECTED)
    .min(0, LOGPROBS_EXPECTED)
    .max(20, LOGPROBS_EXPECTED)
    .nullish()
    .describe('Number of labels to return with their log-probabilities, most likely first. Requires logprobs.'),
  stream: flag,
  stream_options: exactObject({
    include_usage: flag,
    include_obfuscation: flag.describe('Has no effect. Events are never padded.'),
  }).nullish(),
  n: z.literal(1, '1, because there is only one most likely label').nullish(),
  logit_bias: z
    .record(z.string(), z.literal(0, '0, because labels are not biased'), 'an object of biases, all 0')
    .nullish(),
  response_format: exactObject({
    type: z.literal('text', 'text, because the answer is the label').optional(),
  }).nullish(),
  modalities: z.array(z.literal('text', 'only text'), 'a list of modalities').nullish(),
  tools: z
    .array(z.unknown(), 'a list of tools')
    .nullish()
    .describe('Must be empty unless tool_choice is none, because a classifier does not call tools.'),
  tool_choice: toolChoice('none or auto, because a classifier does not call tools'),
  functions: z
    .array(z.unknown(), 'a list of functions')
    .nullish()
    .describe('Must be empty unless function_call is none, because a classifier does not call functions.'),
  function_call: toolChoice('none or auto, because a classifier does not call functions'),
  store: flag.refine((isRequested) => !isRequested, 'false, because requests are not stored'),
  moderation: emptyObject('none, because requests are not moderated'),
  ...Object.fromEntries(
    [
      'audio',
      'frequency_penalty',
      'max_completion_tokens',
      'max_tokens',
      'metadata',
      'parallel_tool_calls',
      'prediction',
      'presence_penalty',
      'prompt_cache_key',
      'prompt_cache_options',
      'prompt_cache_retention',
      'reasoning_effort',
      'safety_identifier',
      'seed',
      'service_tier',
      'stop',
      'temperature',
      'top_p',
      'user',
      'verbosity',
      'web_search_options',
    ].map((field) => [field, ignored]),
  ),
}).superRefine(({ logprobs, top_logprobs, tools, tool_choice, functions, function_call }, context) => {
  const requireThat = (isValid: boolean, field: string, message: string) => {
    if (!isValid) context.addIssue({ code: 'custom', path: [field], message })
  }
  requireThat(!top_logprobs || logprobs === true, 'logprobs', 'true, because top_logprobs is set')
  requireThat(!tools?.length || tool_choice === 'none', 'tools', 'none, because a classifier does not call tools')
  requireThat(
    !functions?.length || function_call === 'none',
    'functions',
    'none, because a classifier does not call functions',
  )
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
