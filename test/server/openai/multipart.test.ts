import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { GraftError } from '../../../core/errors.ts'
import { readForm } from '../../../server/openai/multipart.ts'

const TYPE = 'multipart/form-data; boundary=x'
const field = (name: string, value: string) =>
  `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
const file = (name: string, content: string, filename = '../a b.jsonl') =>
  `--x\r\nContent-Disposition: form-data; name="${name}"; filename="${filename}"\r\n\r\n${content}\r\n`
const END = '--x--\r\n'

/** Yields the text in chunks of `size` bytes. */
async function* inChunks(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) {
    await setImmediate()
    yield bytes.subarray(at, at + size)
  }
}

const readAll = async (content: AsyncIterable<Uint8Array>) => Buffer.concat(await Array.fromAsync(content)).toString()

test.each([1, 7, 1000, 100_000])(
  'a form that arrives in chunks of %i bytes is read, whatever the order of its fields',
  async (size) => {
    const content = 'é\r\n--y'.repeat(size === 1 ? 50 : 5000)
    for (const form of [
      field('purpose', 'fine-tune') + file('file', content) + END,
      file('file', content) + file('other', content) + field('purpose', 'fine-tune') + END,
    ])
      expect(await readForm(TYPE, inChunks(form, size), 'file', readAll)).toEqual({
        fields: { purpose: 'fine-tune' },
        file: { filename: 'a b.jsonl', saved: content },
      })
  },
)

test('an error of saving the file is thrown after the form has arrived', async () => {
  const fail = async () => {
    throw new GraftError('disk_full', { subject: 'the disk', problem: 'is full', fix: 'Free some space.' })
  }
  const form = file('file', 'x'.repeat(500_000)) + END
  await expect(readForm(TYPE, inChunks(form, 10_000), 'file', fail)).rejects.toMatchObject({ code: 'disk_full' })
})

test('an error of the body also reaches the function that saves the file', async () => {
  const failing = async function* () {
    yield* inChunks(file('file', 'x'.repeat(500_000)), 10_000)
    throw new GraftError('body_too_large', { subject: 'the body', expected: 'less', found: 'more', fix: 'Send less.' })
  }
  let saveError: unknown
  const save = (content: AsyncIterable<Uint8Array>) =>
    readAll(content).catch((error) => {
      saveError = error
      throw error
    })
  await expect(readForm(TYPE, failing(), 'file', save)).rejects.toMatchObject({ code: 'body_too_large' })
  await setImmediate()
  expect(saveError).toMatchObject({ code: 'body_too_large' })
})

test.each([
  ['that ends early', TYPE, file('file', 'abc')],
  ['without a boundary', 'multipart/form-data', file('file', 'abc') + END],
  ['of another type', 'text/plain', 'abc'],
])('a form %s is rejected', async (_, type, form) => {
  await expect(readForm(type, inChunks(form, 1000), 'file', readAll)).rejects.toMatchObject({ code: 'body_invalid' })
})

test.each([
  ['with an escape sequence', 'a\u001b[31m.jsonl'],
  ['that changes the direction of text', 'a\u202elnosj.jsonl'],
  ['with a NUL', 'a\0.jsonl'],
  ['with 7,000 characters', `${'a'.repeat(7000)}.jsonl`],
])('a filename %s is rejected before the file is saved', async (_, filename) => {
  let saved = false
  const save = async (content: AsyncIterable<Uint8Array>) => {
    saved = true
    return readAll(content)
  }
  const form = file('file', 'x'.repeat(200_000), filename) + field('purpose', 'fine-tune') + END
  await expect(readForm(TYPE, inChunks(form, 10_000), 'file', save)).rejects.toMatchObject({
    code: 'body_invalid',
    detail: { subject: 'the filename' },
  })
  expect(saved).toBe(false)
})

test('a filename in any script is kept', async () => {
  const form = file('file', 'abc', 'отзывы नमस्ते 👍🏽.jsonl') + END
  expect((await readForm(TYPE, inChunks(form, 1000), 'file', readAll)).file?.filename).toBe('отзывы नमस्ते 👍🏽.jsonl')
})
