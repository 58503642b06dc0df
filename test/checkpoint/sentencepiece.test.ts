import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { loadBase, requireTokenizer } from '../../checkpoint/base.ts'
import { toTokenizerJson } from '../../checkpoint/sentencepiece.ts'
import { GraftError } from '../../core/errors.ts'
import { makeTokenizer } from '../../model/tokenizer.ts'
import { copyFolder, expectError, parityPath } from './helpers.ts'

const folder = join(import.meta.dirname, '../fixtures/sentencepiece')
const file = readFileSync(join(folder, 'spiece.model'))
const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as { text: string; pieces: string[] }[]

test.each(expected)('$text has the pieces that SentencePiece finds', ({ text, pieces }) => {
  const { encode, tokenId } = makeTokenizer(toTokenizerJson(file, 'spiece.model'), {})
  const ids = pieces.map((piece) => tokenId(piece) ?? 2)
  expect([...encode(text)]).toEqual([...ids, 1])
})

test('the sentinels of T5 follow the pieces, the last one first', () => {
  const { tokenId, encode } = makeTokenizer(toTokenizerJson(file, 'spiece.model'), {})
  expect(tokenId('<extra_id_99>')).toBe(400)
  expect(tokenId('<extra_id_0>')).toBe(499)
  expect([...encode('it was <extra_id_0>')].at(-2)).toBe(499)
  expect(makeTokenizer(toTokenizerJson(file, 'spiece.model', 0), {}).tokenId('<extra_id_0>')).toBeUndefined()
})

test('a base with only spiece.model has a tokenizer, and tokenizer.json comes first', async () => {
  const dir = copyFolder(parityPath('tiny-t5'))
  rmSync(join(dir, 'tokenizer.json'), { force: true })
  await expectError((async () => requireTokenizer(await loadBase(dir)))(), 'base_incomplete', 'spiece.model')
  cpSync(join(folder, 'spiece.model'), join(dir, 'spiece.model'))
  writeFileSync(join(dir, 'tokenizer_config.json'), JSON.stringify({ extra_ids: 10 }))
  const { json } = requireTokenizer(await loadBase(dir))
  expect(makeTokenizer(json, {}).tokenId('<extra_id_9>')).toBe(400)
  writeFileSync(join(dir, 'tokenizer.json'), JSON.stringify({ model: 'other' }))
  expect(requireTokenizer(await loadBase(dir)).json).toEqual({ model: 'other' })
})

test('the rules of a normalizer are kept as the tokenizers of Hugging Face have them', () => {
  const rules = Buffer.from('rules')
  const normalizer = Buffer.concat([Buffer.from([0x12, rules.length]), rules])
  const withRules = Buffer.concat([file, Buffer.from([0x1a, normalizer.length]), normalizer])
  expect(toTokenizerJson(withRules, 'x').normalizer).toEqual({
    type: 'Precompiled',
    precompiled_charsmap: rules.toString('base64'),
  })
})

test('the joiner of emoji is an unknown character, as in SentencePiece, and not a space', () => {
  const json = { ...toTokenizerJson(file, 'x'), normalizer: { type: 'Precompiled', precompiled_charsmap: '' } }
  const { encode, piece } = makeTokenizer(json, {})
  expect([...encode('a\u200da')].map(piece)).toEqual(['▁a', '<unk>', 'a', '</s>'])
})

test('another model than Unigram, and any damage, is refused or read, but never with another error', async () => {
  const bpe = Buffer.concat([file, Buffer.from([0x12, 2, 0x18, 2])])
  expect(() => toTokenizerJson(bpe, 'spiece.model')).toThrow('spiece.model is not a Unigram model')
  expect(() => toTokenizerJson(Buffer.from('hello, file'), 'spiece.model')).toThrow(GraftError)
  const change = fc.tuple(fc.nat(file.length - 1), fc.nat(255))
  fc.assert(
    fc.property(fc.array(change, { maxLength: 5 }), fc.nat(file.length), (changes, length) => {
      const damaged = Buffer.from(file)
      for (const [at, value] of changes) damaged[at] = value
      try {
        toTokenizerJson(damaged.subarray(0, length), 'spiece.model')
      } catch (error) {
        if (!(error instanceof GraftError)) throw error
      }
    }),
    { numRuns: 500 },
  )
})
