import { textOfContent } from '../../core/message-content.ts'

/**
 * Returns the example that a conversation in OpenAI's format for fine-tuning represents. Its text is the last message
 * of the user, its label the assistant's reply. System messages, and assistant messages with weight 0, are ignored.
 */
export function exampleOfConversation(messages: unknown): { text?: unknown; label?: unknown } | { problem: string } {
  if (!Array.isArray(messages) || !messages.every(isMessage))
    return { problem: 'messages that are not a list of {"role": …, "content": …}' }
  const reply = messages.findLastIndex(({ role, weight }) => role === 'assistant' && weight !== 0)
  const earlier = reply < 0 ? messages : messages.slice(0, reply)
  const question = earlier.findLast(({ role }) => role === 'user')
  if (!question) return { problem: 'messages without a user message before the reply' }
  return {
    text: textOfContent(question.content),
    ...(reply >= 0 && { label: textOfContent(messages[reply].content) }),
  }
}

interface Message {
  role: string
  content: unknown
  weight?: unknown
}

const isMessage = (value: unknown): value is Message =>
  typeof value === 'object' && value !== null && 'role' in value && typeof value.role === 'string' && 'content' in value
