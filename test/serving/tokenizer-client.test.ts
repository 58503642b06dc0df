import { expect, onTestFinished, test } from 'vitest'
import { requireTokenizer } from '../../checkpoint/base.ts'
import { makeRandom } from '../../core/random.ts'
import { modelOf } from '../../model/architectures.ts'
import { openTokenizer } from '../../serving/tokenizer-client.ts'
import { base, textOf, tokenizer } from './adapters.ts'

const truncations = [{ maxTokens: 512, side: 'left' }] as const
const texts = (count: number, tokens: number) =>
  Array.from({ length: count }, (_, i) => ({ text: textOf(tokens, i), truncations }))

/** Returns a text of random letters, so that no word is in the tokenizer's cache. */
function rareText(characters: number, seed = 0) {
  const draw = makeRandom(seed, 'rare text')
  const letter = () => String.fromCharCode(97 + draw.integer(26))
  const text = Array.from({ length: characters }, (_, i) => (i % 9 === 8 ? ' ' : letter())).join('')
  return [{ text, truncations }]
}

function open() {
  const client = openTokenizer({ ...requireTokenizer(base), frame: modelOf(base).frame })
  onTestFinished(() => client.close())
  return client
}

test('results are in the order of the texts, over as many turns as necessary, and an invalid text does not affect the others', async () => {
  const client = open()
  const requested = [
    ...texts(50, 500),
    { text: ' ', truncations },
    { text: textOf(9000), truncations },
    ...texts(50, 400),
  ]
  const rows = await client.encode(requested, 'a')
  expect(rows).toHaveLength(102)
  for (const [i, { text }] of requested.entries())
    if (i === 50) expect(rows[i]).toMatchObject({ error: { code: 'text_invalid' } })
    else expect(rows[i]).toMatchObject([{ ids: tokenizer.encode(text).slice(-512) }])
})

test('a text is truncated in each way that was requested', async () => {
  const [head, tail] = [textOf(30, 1), textOf(30, 2)]
  const ways = [
    { maxTokens: 10, side: 'left' },
    { maxTokens: 20, side: 'right' },
    { maxTokens: 100, side: 'left' },
  ] as const
  const ids = tokenizer.encode(`${head} ${tail}`)
  expect(await open().encode([{ text: `${head} ${tail}`, truncations: ways }], 'a')).toMatchObject([
    [
      { ids: ids.slice(-10), tokens: 59, truncated: true },
      { ids: Int32Array.of(...ids.slice(0, 19), 1), truncated: true },
      { ids, truncated: false },
    ],
  ])
})

test('an empty request is answered at once', async () => {
  expect(await open().encode([], 'a')).toEqual([])
})

test('a short request finishes before long ones that came first, even if those are single texts', async () => {
  const client = open()
  const done: string[] = []
  const record = (name: string) => () => done.push(name)
  const long = [
    client.encode(texts(256, 500), 'a').then(record('many texts')),
    ...[1, 2, 3].map((i) => client.encode(rareText(200_000, i), `b${i}`).then(record('long text'))),
  ]
  const shorts = [1, 2, 3].map((i) => client.encode(texts(1, 10), `c${i}`).then(record('short')))
  await Promise.all([...long, ...shorts])
  expect(done.slice(0, 3)).toEqual(['short', 'short', 'short'])
})

test('a short request waits for a few turns of a client that sends millions of characters, not for all of them', async () => {
  const client = open()
  const stop = new AbortController()
  const many = Array.from({ length: 20 }, (_, i) => client.encode(rareText(200_000, i), 'many', stop.signal))
  const aborted = many.map((request) => expect(request).rejects.toThrow('gone'))
  await client.encode(texts(1, 10), 'few')
  const waits: number[] = []
  for (let i = 0; i < 9; i++) {
    const start = performance.now()
    await client.encode(texts(1, 10), 'few')
    waits.push(performance.now() - start)
  }
  stop.abort(new Error('gone'))
  await Promise.all(aborted)
  // The median, because other processes use the machine, too. All characters together take seconds.
  expect(waits.sort((a, b) => a - b)[4], 'milliseconds').toBeLessThan(500)
})

test('requests of the same client take turns, too', async () => {
  const client = open()
  const done: string[] = []
  const long = client.encode(rareText(200_000), 'a').then(() => done.push('long'))
  await client.encode(texts(1, 10), 'a').then(() => done.push('short'))
  await long
  expect(done).toEqual(['short', 'long'])
})

test('an aborted request is rejected with the reason, and those after it are tokenized', async () => {
  const client = open()
  const stop = new AbortController()
  const first = client.encode(rareText(2_000_000), 'a', stop.signal)
  const second = client.encode(texts(3, 10), 'b')
  stop.abort(new Error('gone'))
  await expect(first).rejects.toThrow('gone')
  expect(await second).toHaveLength(3)
  expect(await client.encode(texts(2, 10), 'b')).toHaveLength(2)
  await expect(client.encode(texts(1, 10), 'b', stop.signal)).rejects.toThrow('gone')
})

test('closing rejects running, waiting and later requests', async () => {
  const client = open()
  const requests = [client.encode(texts(256, 500), 'a'), client.encode(rareText(200_000), 'b')]
  const rejected = requests.map((request) => expect(request).rejects.toThrow('the tokenizer thread has exited'))
  await client.close()
  await Promise.all(rejected)
  await expect(client.encode(texts(1, 10), 'a')).rejects.toThrow('the tokenizer thread has exited')
})
