import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { makeTokenizer } from '../../model/tokenizer.ts'
import { imdb, withoutImdb } from '../imdb.ts'

const read = (name: string) => JSON.parse(readFileSync(`${packageRoot}/base/${name}`, 'utf8'))
const json = read('tokenizer.json')
const tokenizer = makeTokenizer(json, read('tokenizer_config.json'))
const ids = (text: string) => [...tokenizer.encode(text)]

const reviews = `${imdb}/test.jsonl.gz`

// From Python's tokenizers 0.20.3: Tokenizer.from_file('base/tokenizer.json').encode(text).ids
const FROZEN: [text: string, ids: number[]][] = [
  [
    "The movie was GREAT!!! <br /><br />I didn't expect that.",
    [153, 170, 163, 218, 35, 35, 35, 62, 160, 49, 64, 62, 160, 49, 64, 76, 304, 41, 87, 711, 162, 48, 1],
  ],
  ['Ein schöner Film, naïve café', [72, 13761, 14009, 14034, 144, 172, 46, 3000, 5266, 1]],
  ['映画は最高', [2, 2, 2, 2, 2, 1]],
  ['a</s>b <extra_id_0>', [68, 1, 69, 3, 1]],
  ['x'.repeat(150), [2, 1]],
  ['emoji \u{1f600} ok', [3072, 141, 15251, 2, 779, 1]],
  ['\u{20001}b', [2, 69, 1]],
  ['tab\there\u00a0there\u200bnow', [10984, 278, 192, 140, 13822, 1]],
  ['10/10', [318, 49, 318, 1]],
  ['', [1]],
]

describe('the embedded base', () => {
  test.each(FROZEN)("returns the ids of Hugging Face's tokenizers for %j", (text, expected) => {
    expect(ids(text)).toEqual(expected)
  })

  test.skipIf(withoutImdb)(`returns the ids of Hugging Face's tokenizers for 200 real reviews${withoutImdb}`, () => {
    const texts = gunzipSync(readFileSync(reviews)).toString().split('\n').slice(0, 200)
    const hash = createHash('sha256')
    for (const line of texts) hash.update(tokenizer.encode(JSON.parse(line).text))
    // From Python: hash.update(struct.pack(f'<{len(ids)}i', *ids)) for each of the same reviews.
    expect(hash.digest('hex')).toBe('3f04df04eca5b2d1a4c78f142ee7ba11aa5731fe2cee48023f2293631b33d1a6')
  })

  test('returns the same ids for a text, whatever was encoded before', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 80 }), { maxLength: 5 }), (texts) => {
        const fresh = makeTokenizer(json, {})
        for (const text of texts) expect([...fresh.encode(text)]).toEqual(ids(text))
      }),
      { numRuns: 10 },
    )
  })

  test('encodes any string, including lone surrogates and control characters, and ends it with </s>', () => {
    const unit = fc.oneof(
      fc.constantFrom('\ud800', '\udfff', '\0', '\ufeff', '\u0301', '</s>', '<pad', '\x85'),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.array(unit), (parts) => {
        expect(ids(parts.join('')).at(-1)).toBe(1)
      }),
    )
  })

  test.each([
    'a',
    '.',
    'good film ',
    '漢',
    '\u{20001}',
    '\u{1f600}',
    '\ud800',
    '</s>',
    '\u0345\u0301',
    '\u0345\u200d\u0301 ',
    'ß',
  ])('encodes a megabyte of %j in seconds, not minutes', (unit) => {
    const start = performance.now()
    tokenizer.encode(unit.repeat(Math.ceil(2 ** 20 / unit.length)))
    // It takes 0.01 to 0.7 s on an idle core. ICU by itself takes minutes for a run of accents.
    expect(performance.now() - start).toBeLessThan(10_000)
  })

  test.each(['good film ', 'a', '\u0345\u0301'])('encodes a long text of %j in short steps', (unit) => {
    const text = unit.repeat(Math.ceil(200_000 / unit.length))
    const steps = tokenizer.encodeInSteps(text)
    const times: number[] = []
    let step: IteratorResult<void, Int32Array>
    do {
      const start = performance.now()
      step = steps.next()
      times.push(performance.now() - start)
    } while (!step.done)
    expect(step.value).toEqual(tokenizer.encode(text))
    expect(times.length).toBeGreaterThan(90)
    // The median, because other processes use the machine, too.
    expect(times.sort((a, b) => a - b)[times.length >> 1]).toBeLessThan(20)
  })

  test('returns the ids of each sentence in turn for a long text', () => {
    const sentence = 'Not a bad film, but the second half drags. '
    const one = ids(sentence).slice(0, -1)
    expect(ids(sentence.repeat(200))).toEqual([...Array(200).fill(one).flat(), 1])
  })
})

test('the ids of a word do not include </s>', () => {
  expect(tokenizer.wordIds('Excellent')).toEqual([tokenizer.tokenId('excellent')])
  expect(tokenizer.wordIds('excellent').map(tokenizer.piece)).toEqual(['excellent'])
  expect(tokenizer.wordIds('café').length).toBe(1)
  expect(tokenizer.wordIds('映')).toEqual([tokenizer.unknownId])
})

test('a piece that is not in the vocabulary has no id', () => {
  expect(tokenizer.tokenId('no such piece')).toBeUndefined()
})

describe('a sentencepiece base', () => {
  const pieces = ['<pad>', '</s>', '<unk>', '▁', '▁good', '▁film', 'go', 'g', 'o', 'd', 'f', 'i', 'l', 'm', '.']
  const unigram = {
    added_tokens: pieces.slice(0, 3).map((content, id) => ({ id, content, special: true, normalized: false })),
    normalizer: { type: 'NFKC' },
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '</s>', type_id: 0 } }],
      pair: [],
      special_tokens: { '</s>': { id: '</s>', ids: [1], tokens: ['</s>'] } },
    },
    model: { type: 'Unigram', unk_id: 2, vocab: pieces.map((piece, i) => [piece, i < 3 ? 0 : -10 / piece.length]) },
  }
  const whitespaceSplit = {
    ...unigram,
    pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, unigram.pre_tokenizer] },
  }

  test.each([
    ['Metaspace', unigram],
    ['WhitespaceSplit and Metaspace', whitespaceSplit],
  ])('with %s is encoded word by word', (_, file) => {
    const { encode, wordIds, piece } = makeTokenizer(file, {})
    expect([...encode('good film. good')].map(piece)).toEqual(['▁good', '▁film', '.', '▁good', '</s>'])
    expect([...encode('漢字 good')].map(piece)).toEqual(['▁', '<unk>', '▁good', '</s>'])
    expect(wordIds('film').map(piece)).toEqual(['▁film'])
  })

  test('encodes a megabyte without a space', () => {
    expect(makeTokenizer(unigram, {}).encode('good'.repeat(2 ** 18)).length).toBeGreaterThan(2 ** 18)
  })
})

test.each([{}, { model: null }, { model: { type: 'Unigram', vocab: [] } }])(
  '%j is rejected because it is not a tokenizer',
  (file) => {
    expect(() => makeTokenizer(file, {})).toThrowError(expect.objectContaining({ code: 'base_incomplete' }))
  },
)
