/**
 * Returns the text of a message in OpenAI's format, whose content is a string or a list of parts. Other content is
 * returned as it is, for the caller to reject.
 */
export function textOfContent(content: unknown): unknown {
  if (!Array.isArray(content)) return content
  const texts = content.map((part) => (part?.type === 'text' ? part.text : undefined))
  return texts.every((text) => typeof text === 'string') ? texts.join('\n') : content
}
