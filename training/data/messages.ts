/**
 * A review of a conversation in OpenAI's format for fine-tuning: its text is the last message of the user, its label what the assistant says to it.
 * Messages of the system are not read, nor are those of the assistant that have the weight 0.
 */
export function reviewOfMessages(messages: unknown): { text?: unknown; label?: unknown } | { bad: string } {
  if (!Array.isArray(messages) || !messages.every(isMessage))
    return { bad: 'messages that are no list of {"role": …, "content": …}' }
  const answer = messages.findLastIndex(({ role, weight }) => role === 'assistant' && weight !== 0)
  const before = answer < 0 ? messages : messages.slice(0, answer)
  const question = before.findLast(({ role }) => role === 'user')
  if (!question) return { bad: 'messages without one of the user' }
  return {
    text: textOfContent(question.content),
    ...(answer >= 0 && { label: textOfContent(messages[answer].content) }),
  }
}

interface Message {
  role: string
  content: unknown
  weight?: unknown
}

const isMessage = (value: unknown): value is Message =>
  typeof value === 'object' && value !== null && 'role' in value && typeof value.role === 'string' && 'content' in value

/** The text of a message, whose content is a text or a list of parts; what is no text stays as it is, to be refused as such. */
export function textOfContent(content: unknown): unknown {
  if (!Array.isArray(content)) return content
  const texts = content.map((part) => (part?.type === 'text' ? part.text : undefined))
  return texts.every((text) => typeof text === 'string') ? texts.join('\n') : content
}
