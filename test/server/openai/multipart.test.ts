import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { GraftError } from '../../../core/errors.ts'
import { readForm } from '../../../server/openai/multipart.ts'

const TYPE = 'multipart/form-data; boundary=x'
const field = (name: string, value: string) =>
  `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
const file = (name: string, content: string) =>
  `--x\r\nContent-Disposition: form-data; name="${name}"; filename="../a b.jsonl"\r\n\r\n${content}\r\n`
const END = '--x--\r\n'

/** Comes in pieces of that many bytes. */
async function* inPieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) {
    await setImmediate()
    yield bytes.subarray(at, at + size)
  }
}

const whole = async (content: AsyncIterable<Uint8Array>) => Buffer.concat(await Array.fromAsync(content)).toString()

test.each([1, 7, 1000, 100_000])(
  'a form that comes in pieces of %i bytes is read, whatever the order of its fields',
  async (size) => {
    const content = 'é\r\n--y'.repeat(size === 1 ? 50 : 5000)
    for (const form of [
      field('purpose', 'fine-tune') + file('file', content) + END,
      file('file', content) + file('other', content) + field('purpose', 'fine-tune') + END,
    ])
      expect(await readForm(TYPE, inPieces(form, size), 'file', whole)).toEqual({
        fields: { purpose: 'fine-tune' },
        file: { filename: 'a b.jsonl', kept: content },
      })
  },
)

test('what keeping the file failed of is thrown, once the form has come', async () => {
  const refuse = async () => {
    throw new GraftError('disk_full', { subject: 'the disk', expected: 'room', found: 'none', fix: 'Free some.' })
  }
  const form = file('file', 'x'.repeat(500_000)) + END
  await expect(readForm(TYPE, inPieces(form, 10_000), 'file', refuse)).rejects.toMatchObject({ code: 'disk_full' })
})

test('a body that fails on its way fails for whoever keeps the file, too', async () => {
  const failing = async function* () {
    yield* inPieces(file('file', 'x'.repeat(500_000)), 10_000)
    throw new GraftError('body_too_large', { subject: 'the body', expected: 'less', found: 'more', fix: 'Send less.' })
  }
  let ended: unknown
  const keep = (content: AsyncIterable<Uint8Array>) =>
    whole(content).catch((error) => {
      ended = error
      throw error
    })
  await expect(readForm(TYPE, failing(), 'file', keep)).rejects.toMatchObject({ code: 'body_too_large' })
  await setImmediate()
  expect(ended).toMatchObject({ code: 'body_too_large' })
})

test.each([
  ['that ends early', TYPE, file('file', 'abc')],
  ['without a boundary', 'multipart/form-data', file('file', 'abc') + END],
  ['of another type', 'text/plain', 'abc'],
])('a form %s is refused', async (_, type, form) => {
  await expect(readForm(type, inPieces(form, 1000), 'file', whole)).rejects.toMatchObject({ code: 'body_invalid' })
})
