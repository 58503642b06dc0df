import { expect, test } from 'vitest'
import { reviewOfMessages } from '../../../training/data/messages.ts'

const system = { role: 'system', content: 'You judge films.' }
const user = { role: 'user', content: 'A joy.' }
const assistant = { role: 'assistant', content: 'positive' }

test.each([
  ['a question and its answer', [user, assistant]],
  ['what the system says before', [system, user, assistant]],
  ['earlier turns', [{ role: 'user', content: 'Hello' }, { role: 'assistant', content: 'Hello' }, user, assistant]],
  ['answers that shall not count', [user, assistant, { role: 'user', content: 'Sure?' }, { ...assistant, weight: 0 }]],
  ['content in parts', [{ role: 'user', content: [{ type: 'text', text: 'A joy.' }] }, assistant]],
])('a conversation with %s is its last question, and the label that answers it', (_, messages) => {
  expect(reviewOfMessages(messages)).toEqual({ text: 'A joy.', label: 'positive' })
})

test('a conversation that nobody answers yet has no label', () => {
  expect(reviewOfMessages([system, user])).toEqual({ text: 'A joy.' })
})

test('parts of other kinds are left, for the check of texts to refuse', () => {
  const content = [{ type: 'image_url', image_url: { url: 'x' } }]
  expect(reviewOfMessages([{ role: 'user', content }, assistant])).toEqual({ text: content, label: 'positive' })
})

test.each([
  ['no list', 'A joy.'],
  ['a list of other things', ['A joy.']],
  ['messages without a role', [{ content: 'A joy.' }]],
])('%s is no conversation', (_, messages) => {
  expect(reviewOfMessages(messages)).toEqual({ bad: 'messages that are no list of {"role": …, "content": …}' })
})

test('a conversation without a question is refused as such', () => {
  expect(reviewOfMessages([system, assistant])).toEqual({ bad: 'messages without one of the user' })
  expect(reviewOfMessages([assistant, user])).toEqual({ bad: 'messages without one of the user' })
})
