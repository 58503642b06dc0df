import { type Columns, valueAt } from './columns.ts'
import { exampleOfConversation } from './messages.ts'
import type { Row } from './row.ts'

/** A value that was parsed, or the reason that it is not an object. */
export type ParsedObject = { object: object } | { problem: string }

/** Parses a JSON object. */
export function parseObject(text: string): ParsedObject {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { object: value }
  } catch {
    if (/^\s*\{\s*'/.test(text))
      return { problem: "an object in Python's notation, not in JSON (json.dumps writes it)" }
    if (/[:,[]\s*-?(?:NaN|Infinity)\b/.test(text)) return { problem: 'NaN or Infinity, which JSON does not have' }
  }
  return { problem: 'text that is not a JSON object' }
}

/** Returns whether an object is a conversation in OpenAI's format for fine-tuning. */
export const isConversation = (object: object): boolean => 'messages' in object && object.messages !== undefined

/**
 * Returns the row of an object, or undefined if it has only empty values, as an empty row of a spreadsheet has.
 */
export function rowOfObject(line: number, object: object, columns: Columns): Row | undefined {
  const values = Object.values(object)
  if (values.every((value) => value === null || value === '')) return undefined
  const id = valueAt(object, 'id')
  const [text, label] = [valueIn(object, columns.text), valueIn(object, columns.label)]
  if (text === undefined && isConversation(object)) {
    const example = exampleOfConversation((object as { messages: unknown }).messages)
    return 'problem' in example ? { line, problem: example.problem } : { line, id, label, ...example }
  }
  return isCompletion(columns)
    ? { line, id, text: withoutSeparator(text), label: withoutStop(label) }
    : { line, id, text, label }
}

function valueIn(object: object, column: string | undefined): unknown {
  if (column === undefined) return undefined
  const value = valueAt(object, column)
  if (value !== undefined) return value
  // The letter case of a requested name need not match.
  const key = Object.keys(object).find((name) => name.toLowerCase() === column.toLowerCase())
  return key === undefined ? undefined : (object as Record<string, unknown>)[key]
}

const isCompletion = ({ text, label }: Columns): boolean => text === 'prompt' && label === 'completion'

/** The ends of prompts and of completions that OpenAI recommended. */
const SEPARATORS = ['###', '##', '->']
const STOPS = [' END', '###', '##']

/** Removes the separator at the end of a prompt, which is not a part of the review. */
const withoutSeparator = (prompt: unknown): unknown => withoutEnding(prompt, SEPARATORS)
const withoutStop = (completion: unknown): unknown => withoutEnding(completion, STOPS)

function withoutEnding(value: unknown, endings: readonly string[]): unknown {
  if (typeof value !== 'string') return value
  const text = value.trimEnd()
  const ending = endings.find((candidate) => text.endsWith(candidate))
  return ending === undefined ? text : text.slice(0, -ending.length).trimEnd()
}
