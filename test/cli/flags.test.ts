import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { kindOf, parseFlags } from '../../cli/flags.ts'
import { required } from '../../cli/required.ts'
import type { GraftError } from '../../core/errors.ts'
import { methodFields, trainingFields } from '../../platform/offline/train.ts'

const fields = {
  learning_rate: z.number().optional(),
  max_tokens: z.int().default(512),
  targets: z.array(z.string()).default(['q', 'v']),
  label_words: z.record(z.string(), z.string()).optional(),
  skip_bad: z.boolean().default(false),
  truncation_side: z.enum(['left', 'right']).default('left'),
  submodules: z.union([z.literal(1), z.literal(2)]).default(1),
  checkpoint: z.array(z.string()).describe('folder of an adapter'),
}

const read = (...argv: string[]) => parseFlags(argv, fields, { repeated: ['checkpoint'] }).values

function problem(work: () => unknown): GraftError {
  try {
    work()
  } catch (error) {
    return error as GraftError
  }
  throw new Error('nothing was wrong')
}

describe('a flag', () => {
  test('is the field in kebab-case', () => {
    expect(read('--learning-rate', '0.01', '--skip-bad')).toEqual({ learning_rate: 0.01, skip_bad: true })
  })

  test.each([
    ['1e-3', 0.001],
    ['512', 512],
    ['.5', 0.5],
    ['-1', -1],
    ['0', 0],
  ])('of a number takes %s', (text, value) => {
    expect(read(`--learning-rate=${text}`)).toEqual({ learning_rate: value })
  })

  test.each(['', ' ', 'ten', '1,5', '5 %', 'NaN'])(
    'of a number leaves %j as it is, for the schema to refuse',
    (text) => {
      expect(read(`--learning-rate=${text}`)).toEqual({ learning_rate: text })
      expect(() => required({ learning_rate: fields.learning_rate }, { learning_rate: text })).toThrow('number')
    },
  )

  test('of a list takes words with commas', () => {
    expect(read('--targets', 'q,v,wi_0')).toEqual({ targets: ['q', 'v', 'wi_0'] })
    expect(read('--targets', 'q')).toEqual({ targets: ['q'] })
  })

  test('of pairs takes names with values', () => {
    expect(read('--label-words', 'negative=worst,positive=excellent')).toEqual({
      label_words: { negative: 'worst', positive: 'excellent' },
    })
    expect(read('--label-words', 'a=b=c')).toEqual({ label_words: { a: 'b=c' } })
  })

  test.each(['worst', 'negative=worst,excellent', '=worst', ''])(
    'of pairs leaves %j as it is, for the schema to refuse',
    (text) => {
      expect(read(`--label-words=${text}`)).toEqual({ label_words: text })
      expect(() => required({ label_words: fields.label_words }, { label_words: text })).toThrow('record')
    },
  )

  test('that may be repeated is a list, even when given once, and its commas stay', () => {
    expect(read('--checkpoint', 'a,b')).toEqual({ checkpoint: ['a,b'] })
    expect(read('--checkpoint', 'a', '--checkpoint=b')).toEqual({ checkpoint: ['a', 'b'] })
  })

  test('that was not given is absent, so that defaults come from one place', () => {
    expect(read()).toEqual({})
  })

  test('has the kind of its schema beneath defaults and options', () => {
    expect(Object.values(fields).map(kindOf)).toEqual([
      'number',
      'number',
      'list',
      'pairs',
      'boolean',
      'text',
      'number',
      'list',
    ])
  })
})

describe('a command line is refused', () => {
  test.each([
    ['--learning-rat', '--learning-rate'],
    ['--skipbad', '--skip-bad'],
    ['--max-token', '--max-tokens'],
    ['--checkpiont', '--checkpoint'],
  ])('for the unknown flag %s, with %s suggested', (flag, meant) => {
    expect(problem(() => read(flag, '3'))).toMatchObject({
      code: 'usage',
      detail: { subject: flag, expected: `a flag of this command; did you mean ${meant}?`, found: 'an unknown one' },
    })
  })

  test('for an unknown flag that is near to none, without a suggestion', () => {
    expect(problem(() => read('--frobnicate')).detail.expected).toBe('a flag of this command')
    expect(problem(() => read('-x')).detail.subject).toBe('-x')
  })

  test('for a field in snake_case, as it stands in a file, with the flag suggested', () => {
    expect(problem(() => read('--skip_bad')).detail.expected).toContain('did you mean --skip-bad?')
  })

  test('for a flag without its value', () => {
    const expected = { subject: '--max-tokens', expected: 'a value for this flag', found: 'nothing' }
    expect(problem(() => read('--max-tokens')).detail).toMatchObject(expected)
  })

  test('for a value with a dash that could be a flag, telling how to write it', () => {
    expect(problem(() => read('--learning-rate', '-1')).detail).toMatchObject({
      subject: '--learning-rate',
      fix: expect.stringContaining('--learning-rate=VALUE'),
    })
  })

  test('for a switch with a value', () => {
    const expected = { subject: '--skip-bad', expected: 'no value: it is a switch', found: 'a value' }
    expect(problem(() => read('--skip-bad=false')).detail).toMatchObject(expected)
  })

  test('for a stray word, where the command takes none', () => {
    expect(problem(() => read('head')).detail).toMatchObject({ subject: 'head', expected: 'flags alone' })
    const { positionals } = parseFlags(['one text', '--truncation-side', 'left', 'another'], fields, {
      positionals: true,
    })
    expect(positionals).toEqual(['one text', 'another'])
  })

  test('for a flag that is missing, with what it is for', () => {
    const { checkpoint, max_tokens } = fields
    expect(problem(() => required({ checkpoint, max_tokens }, {})).detail).toEqual({
      subject: '--checkpoint',
      expected: 'folder of an adapter',
      found: 'nothing',
      fix: 'Add --checkpoint.',
    })
  })

  test('for a value of the wrong kind, with what it takes and what came', () => {
    const { max_tokens, truncation_side } = fields
    expect(problem(() => required({ max_tokens }, { max_tokens: 'ten' })).detail).toMatchObject({
      subject: '--max-tokens',
      expected: 'number',
      found: '"ten"',
    })
    expect(problem(() => required({ truncation_side }, { truncation_side: 'letf' })).detail.expected).toMatch(
      /left.*right/,
    )
  })
})

test('no flag of a method is also one of the training or of another method', () => {
  const all = [...Object.keys(trainingFields.shape), ...Object.values(methodFields).flatMap(Object.keys)]
  expect(all).toHaveLength(new Set(all).size)
})
