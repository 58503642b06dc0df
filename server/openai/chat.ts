import { fail } from '../../core/errors.ts'
import { uuidv7 } from '../../core/uuid.ts'
import type { AnsweredText } from '../../platform/offline/answer-texts.ts'
import type { Platform } from '../../platform/platform.ts'
import { textOfContent } from '../../platform/use-cases/datasets.ts'
import { type ScoredTexts, scoreTexts } from '../../platform/use-cases/score-texts.ts'
import { inHeader, json, type Route, route } from '../route.ts'
import { type ChatRequest, type Chunk, type Completion, chatRequest, completion } from './chat-schemas.ts'
import { refusal } from './errors.ts'
import { idOf } from './ids.ts'

/** OpenAI's chat completion, whose answer is the label. */
export const chat = (platform: Platform): Route[] => [
  route({
    method: 'POST',
    path: '/v1/chat/completions',
    summary: 'Classify the last message of the user',
    description:
      'The answer is the label, with the log-probabilities of the labels where they are asked for. It is the likeliest one, whatever the temperature.',
    tag: 'OpenAI',
    scope: 'predict',
    json: {
      schema: chatRequest,
      example: { model: 'film-lora', messages: [{ role: 'user', content: 'A joy from start to finish.' }] },
      fix: 'Send {"model": "its name", "messages": [{"role": "user", "content": "a text"}]}.',
    },
    answers: {
      200: {
        description: 'The label; with stream, as server-sent events',
        schema: completion,
        types: ['application/json', 'text/event-stream'],
        headers: { 'x-graft-adapter': 'name of the adapter that answered', 'x-graft-digest': 'SHA-256 of its weights' },
      },
    },
    errors: ['adapter_unknown', 'base_mismatch', 'text_invalid'],
    refusal,
    async handle({ body, signal, noteRows }) {
      const scored = await scoreTexts(platform, { texts: [lastOfUser(body)], adapter: body.model }, signal)
      noteRows(1)
      const [result] = scored.results
      if ('error' in result) return refusal.respond({ ...result.error, subject: 'messages' })
      const answer = completionOf(scored, result, body)
      const headers = { 'x-graft-adapter': inHeader(scored.adapter), 'x-graft-digest': scored.digest }
      return body.stream
        ? new Response(events(chunksOf(answer, body)), { headers: { ...headers, 'content-type': 'text/event-stream' } })
        : json(answer, { headers })
    },
  }),
]

/** @throws GraftError `body_invalid` where there is none, or it is no text */
function lastOfUser({ messages }: ChatRequest): string {
  const at = messages.findLastIndex(({ role }) => role === 'user')
  const text = at < 0 ? undefined : textOfContent(messages[at].content)
  if (typeof text === 'string') return text
  return fail('body_invalid', {
    subject: at < 0 ? 'messages' : `messages[${at}].content`,
    expected: at < 0 ? 'a message of the user' : 'a text',
    found: at < 0 ? `${messages.map(({ role }) => role).join(', ')}` : 'something else',
    fix: 'Send the text to classify as the last message of the role user.',
  })
}

/** OpenAI's own for what is next to impossible. */
const LEAST = -9999

function completionOf(
  { adapter, digest }: ScoredTexts,
  { label, scores, tokens, truncated }: Exclude<AnsweredText, { error: unknown }>,
  { logprobs, top_logprobs }: ChatRequest,
): Completion {
  const told = ([token, score]: [string, number]) => ({
    token,
    logprob: score > 0 ? Math.max(Math.log(score), LEAST) : LEAST,
    bytes: [...Buffer.from(token)],
  })
  const ranked = Object.entries(scores).sort(([, a], [, b]) => b - a)
  return {
    id: idOf('completion', uuidv7()),
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
                { ...told([label, scores[label]]), top_logprobs: ranked.slice(0, top_logprobs ?? 0).map(told) },
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

/** The answer in two pieces, which are all that a label has: itself, and that it is whole. */
function chunksOf(
  { choices: [choice], usage, graft: _, ...answer }: Completion,
  { stream_options }: ChatRequest,
): Chunk[] {
  const common = { ...answer, object: 'chat.completion.chunk' as const }
  const counted = stream_options?.include_usage
  const { role, content } = choice.message
  const pieces = [
    { delta: { role, content }, logprobs: choice.logprobs, finish_reason: null },
    { delta: {}, logprobs: null, finish_reason: choice.finish_reason },
  ]
  return [
    ...pieces.map((piece) => ({ ...common, choices: [{ index: 0, ...piece }], ...(counted && { usage: null }) })),
    ...(counted ? [{ ...common, choices: [], usage }] : []),
  ]
}

const events = (chunks: readonly Chunk[]): string =>
  [...chunks.map((chunk) => JSON.stringify(chunk)), '[DONE]'].map((data) => `data: ${data}\n\n`).join('')
