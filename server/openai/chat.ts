import { fail } from '../../core/errors.ts'
import { textOfContent } from '../../core/message-content.ts'
import { uuidv7 } from '../../core/uuid.ts'
import type { RowResult } from '../../platform/offline/classify-rows.ts'
import type { Platform } from '../../platform/platform.ts'
import { type ScoredTexts, scoreTexts } from '../../platform/use-cases/score-texts.ts'
import { json, type Route, route, toHeaderValue } from '../route.ts'
import { type ChatRequest, type Chunk, type Completion, chatRequest, completion } from './chat-schemas.ts'
import { openaiErrorFormat } from './errors.ts'
import { toOpenaiId } from './ids.ts'

/** Returns OpenAI's chat completion route. The completion is the label of the last user message. */
export const chatRoutes = (platform: Platform): Route[] => [
  route({
    method: 'POST',
    path: '/v1/chat/completions',
    summary: 'Classify the last user message',
    description:
      'The completion is the most likely label, whatever the temperature. The log-probabilities of the labels are included if requested.',
    tag: 'OpenAI',
    scope: 'predict',
    json: {
      schema: chatRequest,
      example: { model: 'film-lora', messages: [{ role: 'user', content: 'A joy from start to finish.' }] },
      fix: 'Send {"model": "its name", "messages": [{"role": "user", "content": "a text"}]}.',
    },
    responses: {
      200: {
        description: 'Returns the label; with stream, as server-sent events.',
        schema: completion,
        contentTypes: ['application/json', 'text/event-stream'],
        headers: { 'x-graft-adapter': 'Name of the adapter.', 'x-graft-digest': 'SHA-256 of its weights.' },
      },
    },
    errors: ['adapter_unknown', 'base_mismatch', 'text_invalid', 'prediction_timeout'],
    errorFormat: openaiErrorFormat,
    async handle({ body, signal, caller, admitTexts, recordRows }) {
      const text = lastUserText(body)
      admitTexts(1, text.length)
      const scored = await scoreTexts(platform, { texts: [text], adapter: body.model }, signal, caller)
      recordRows(1)
      const [result] = scored.results
      if ('error' in result) {
        const detail = result.error.detail.replace('inputs[0]', 'messages')
        return openaiErrorFormat.toResponse({ ...result.error, detail, subject: 'messages' })
      }
      const completion = toCompletion(scored, result, body)
      const headers = { 'x-graft-adapter': toHeaderValue(scored.adapter), 'x-graft-digest': scored.digest }
      return body.stream
        ? new Response(formatEvents(toChunks(completion, body)), {
            headers: { ...headers, 'content-type': 'text/event-stream' },
          })
        : json(completion, { headers })
    },
  }),
]

/**
 * Returns the text of the last user message.
 * @throws GraftError `body_invalid` if there is none, or if it is not text
 */
function lastUserText({ messages }: ChatRequest): string {
  const index = messages.findLastIndex(({ role }) => role === 'user')
  const text = index < 0 ? undefined : textOfContent(messages[index].content)
  if (typeof text === 'string') return text
  return fail('body_invalid', {
    subject: index < 0 ? 'messages' : `messages[${index}].content`,
    expected: index < 0 ? 'a message with the role user' : 'a text',
    found: index < 0 ? messages.map(({ role }) => role).join(', ') : 'content that is not text',
    fix: 'Send the text to classify as the last message with the role user.',
  })
}

/** The value that OpenAI's API gives for labels that are nearly impossible. */
const MIN_LOGPROB = -9999

function toCompletion(
  { adapter, digest }: ScoredTexts,
  { label, scores, tokens, truncated }: Exclude<RowResult, { error: unknown }>,
  { logprobs, top_logprobs }: ChatRequest,
): Completion {
  const toLogprob = ([token, score]: [string, number]) => ({
    token,
    logprob: score > 0 ? Math.max(Math.log(score), MIN_LOGPROB) : MIN_LOGPROB,
    bytes: [...Buffer.from(token)],
  })
  const ranked = Object.entries(scores).sort(([, a], [, b]) => b - a)
  return {
    id: toOpenaiId('completion', uuidv7()),
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1000),
    model: adapter,
    system_fingerprint: `fp_${digest.slice(0, 12)}`,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: label, refusal: null },
        logprobs: logprobs
          ? {
              content: [
                {
                  ...toLogprob([label, scores[label]]),
                  top_logprobs: ranked.slice(0, top_logprobs ?? 0).map(toLogprob),
                },
              ],
              refusal: null,
            }
          : null,
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: tokens, completion_tokens: 1, total_tokens: tokens + 1 },
    graft: { truncated },
  }
}

/**
 * Returns the completion as chunks: one with the label, one that ends it, and one with the usage if it was requested.
 */
function toChunks(
  { choices: [choice], usage, graft: _, ...rest }: Completion,
  { stream_options }: ChatRequest,
): Chunk[] {
  const common = { ...rest, object: 'chat.completion.chunk' as const }
  const includeUsage = stream_options?.include_usage
  const { role, content } = choice.message
  const parts = [
    { delta: { role, content }, logprobs: choice.logprobs, finish_reason: null },
    { delta: {}, logprobs: null, finish_reason: choice.finish_reason },
  ]
  return [
    ...parts.map((part) => ({ ...common, choices: [{ index: 0, ...part }], ...(includeUsage && { usage: null }) })),
    ...(includeUsage ? [{ ...common, choices: [], usage }] : []),
  ]
}

const formatEvents = (chunks: readonly Chunk[]): string =>
  [...chunks.map((chunk) => JSON.stringify(chunk)), '[DONE]'].map((data) => `data: ${data}\n\n`).join('')
