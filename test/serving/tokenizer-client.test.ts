import { expect, onTestFinished, test } from 'vitest'
import { requireTokenizer } from '../../checkpoint/base.ts'
import { modelOf } from '../../model/architectures.ts'
import type { EncodedText } from '../../model/encode.ts'
import { openTokenizer } from '../../serving/tokenizer-client.ts'
import { base, textOf, tokenizer } from './adapters.ts'

const truncation = { maxTokens: 512, side: 'left' } as const
const texts = (count: number, tokens: number) =>
  Array.from({ length: count }, (_, i) => ({ text: textOf(tokens, i), truncation }))

function open() {
  const client = openTokenizer({ ...requireTokenizer(base), frame: modelOf(base).frame })
  onTestFinished(() => client.close())
  return client
}

test('results are in the order of the texts, over as many turns as necessary, and an invalid text does not affect the others', async () => {
  const client = open()
  const requested = [
    ...texts(50, 500),
    { text: ' ', truncation },
    { text: textOf(9000), truncation },
    ...texts(50, 400),
  ]
  const rows = await client.encode(requested)
  expect(rows).toHaveLength(102)
  for (const [i, { text }] of requested.entries())
    if (i === 50) expect(rows[i]).toMatchObject({ error: { code: 'text_invalid' } })
    else expect((rows[i] as EncodedText).ids).toEqual(tokenizer.encode(text).slice(-512))
})

test('an empty request is answered at once', async () => {
  expect(await open().encode([])).toEqual([])
})

test('a short request finishes before a long one that came first', async () => {
  const client = open()
  const done: string[] = []
  const record = (name: string) => () => done.push(name)
  const long = client.encode(texts(256, 500)).then(record('long'))
  const shorts = [1, 2, 3].map((i) => client.encode(texts(1, 10)).then(record(`short ${i}`)))
  await Promise.all([long, ...shorts])
  expect(done).toEqual(['short 1', 'short 2', 'short 3', 'long'])
})

test('an aborted request is rejected with the reason, and those after it are tokenized', async () => {
  const client = open()
  const stop = new AbortController()
  const first = client.encode(texts(256, 500), stop.signal)
  const second = client.encode(texts(3, 10))
  stop.abort(new Error('gone'))
  await expect(first).rejects.toThrow('gone')
  expect(await second).toHaveLength(3)
  expect(await client.encode(texts(2, 10))).toHaveLength(2)
})

test('closing rejects running, waiting and later requests', async () => {
  const client = open()
  const requests = [client.encode(texts(256, 500)), client.encode(texts(1, 10))]
  const rejected = requests.map((request) => expect(request).rejects.toThrow('the tokenizer thread has exited'))
  await client.close()
  await Promise.all(rejected)
  await expect(client.encode(texts(1, 10))).rejects.toThrow('the tokenizer thread has exited')
})
