import { expect, test } from 'vitest'
import { exampleOfConversation } from '../../../training/data/messages.ts'

const system = { role: 'system', content: 'You judge films.' }
const user = { role: 'user', content: 'A joy.' }
const assistant = { role: 'assistant', content: 'positive' }

test.each([
  ['a question and its answer', [user, assistant]],
  ['a system message', [system, user, assistant]],
  ['earlier turns', [{ role: 'user', content: 'Hello' }, { role: 'assistant', content: 'Hello' }, user, assistant]],
  ['a later answer of weight 0', [user, assistant, { role: 'user', content: 'Sure?' }, { ...assistant, weight: 0 }]],
  ['content in parts', [{ role: 'user', content: [{ type: 'text', text: 'A joy.' }] }, assistant]],
])('a conversation with %s becomes the last question, labelled with its answer', (_, messages) => {
  expect(exampleOfConversation(messages)).toEqual({ text: 'A joy.', label: 'positive' })
})

test('a conversation without an answer has no label', () => {
  expect(exampleOfConversation([system, user])).toEqual({ text: 'A joy.' })
})

test('parts of other kinds are passed on, so that the validation of texts rejects them', () => {
  const content = [{ type: 'image_url', image_url: { url: 'x' } }]
  expect(exampleOfConversation([{ role: 'user', content }, assistant])).toEqual({ text: content, label: 'positive' })
})

test.each([
  ['a string', 'A joy.'],
  ['a list of strings', ['A joy.']],
  ['a list of messages without a role', [{ content: 'A joy.' }]],
])('%s is not a conversation', (_, messages) => {
  expect(exampleOfConversation(messages)).toEqual({
    problem: 'messages that are not a list of {"role": …, "content": …}',
  })
})

test('a conversation without a question is an error', () => {
  const problem = 'messages without a user message before the reply'
  expect(exampleOfConversation([system, assistant])).toEqual({ problem })
  expect(exampleOfConversation([assistant, user])).toEqual({ problem })
})
