import { expect, onTestFinished, test } from 'vitest'
import { requireTokenizer } from '../../checkpoint/base.ts'
import type { Encoded } from '../../model/encode.ts'
import { openTokenizer } from '../../serving/tokenizer-client.ts'
import { base, textOf, tokenizer } from './adapters.ts'

const truncation = { maxTokens: 512, side: 'left' } as const
const texts = (count: number, tokens: number) =>
  Array.from({ length: count }, (_, i) => ({ text: textOf(tokens, i), truncation }))

function open() {
  const client = openTokenizer({ ...requireTokenizer(base), eos: base.t5.eosTokenId })
  onTestFinished(() => client.close())
  return client
}

test('texts are read in their order over as many turns as they take, and a bad one fails alone', async () => {
  const client = open()
  const asked = [...texts(50, 500), { text: ' ', truncation }, { text: textOf(9000), truncation }, ...texts(50, 400)]
  const rows = await client.encode(asked)
  expect(rows).toHaveLength(102)
  for (const [i, { text }] of asked.entries())
    if (i === 50) expect(rows[i]).toMatchObject({ error: { code: 'text_invalid' } })
    else expect((rows[i] as Encoded).ids).toEqual(tokenizer.encode(text).slice(-512))
})

test('no texts are read at once', async () => {
  expect(await open().encode([])).toEqual([])
})

test('a short request is read before a long one that came first', async () => {
  const client = open()
  const done: string[] = []
  const told = (name: string) => () => done.push(name)
  const long = client.encode(texts(256, 500)).then(told('long'))
  const shorts = [1, 2, 3].map((i) => client.encode(texts(1, 10)).then(told(`short ${i}`)))
  await Promise.all([long, ...shorts])
  expect(done).toEqual(['short 1', 'short 2', 'short 3', 'long'])
})

test('a request that is aborted is rejected with the reason, and those behind it are read', async () => {
  const client = open()
  const stop = new AbortController()
  const first = client.encode(texts(256, 500), stop.signal)
  const second = client.encode(texts(3, 10))
  stop.abort(new Error('gone'))
  await expect(first).rejects.toThrow('gone')
  expect(await second).toHaveLength(3)
  expect(await client.encode(texts(2, 10))).toHaveLength(2)
})

test('closing rejects what is being read and what waits, and whatever comes after', async () => {
  const client = open()
  const requests = [client.encode(texts(256, 500)), client.encode(texts(1, 10))]
  const rejected = requests.map((request) => expect(request).rejects.toThrow('the tokenizer has ended'))
  await client.close()
  await Promise.all(rejected)
  await expect(client.encode(texts(1, 10))).rejects.toThrow('the tokenizer has ended')
})
