import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { checkFlags } from '../../cli/check-flags.ts'
import { kindOf, parseFlags } from '../../cli/flags.ts'
import type { GraftError } from '../../core/errors.ts'
import { labelWords } from '../../model/label-words.ts'
import { fieldsByMethod } from '../../platform/schemas/methods.ts'
import { trainingFields } from '../../training/spec.ts'

const fields = {
  learning_rate: z.number().optional(),
  max_tokens: z.int().default(512),
  targets: z.array(z.string()).default(['q', 'v']),
  label_words: labelWords.optional(),
  skip_bad: z.boolean().default(false),
  truncation_side: z.enum(['left', 'right']).default('left'),
  submodules: z.union([z.literal(1), z.literal(2)]).default(1),
  checkpoint: z.array(z.string()).describe('folder of an adapter'),
}

const read = (...argv: string[]) => parseFlags(argv, fields, { repeated: ['checkpoint'] }).values

function errorOf(work: () => unknown): GraftError {
  try {
    work()
  } catch (error) {
    return error as GraftError
  }
  throw new Error('no error was thrown')
}

describe('a flag', () => {
  test('is a field in kebab-case', () => {
    expect(read('--learning-rate', '0.01', '--skip-bad')).toEqual({ learning_rate: 0.01, skip_bad: true })
  })

  test.each([
    ['1e-3', 0.001],
    ['512', 512],
    ['.5', 0.5],
    ['-1', -1],
    ['0', 0],
  ])('for a number accepts %s', (text, value) => {
    expect(read(`--learning-rate=${text}`)).toEqual({ learning_rate: value })
  })

  test.each(['', ' ', 'ten', '1,5', '5 %', 'NaN'])(
    'for a number keeps %j as text, which the schema rejects',
    (text) => {
      expect(read(`--learning-rate=${text}`)).toEqual({ learning_rate: text })
      expect(() => checkFlags({ learning_rate: fields.learning_rate }, { learning_rate: text })).toThrow('number')
    },
  )

  test('for a list takes values separated by commas', () => {
    expect(read('--targets', 'q,v,wi_0')).toEqual({ targets: ['q', 'v', 'wi_0'] })
    expect(read('--targets', 'q')).toEqual({ targets: ['q'] })
  })

  test('for pairs takes names with values', () => {
    expect(read('--label-words', 'negative=worst,positive=excellent')).toEqual({
      label_words: { negative: 'worst', positive: 'excellent' },
    })
    expect(read('--label-words', 'a=b=c')).toEqual({ label_words: { a: 'b=c' } })
  })

  test.each(['worst', 'negative=worst,excellent', '=worst', ''])(
    'for pairs keeps %j as text, which the schema rejects',
    (text) => {
      expect(read(`--label-words=${text}`)).toEqual({ label_words: text })
      expect(() => checkFlags({ label_words: fields.label_words }, { label_words: text })).toThrow('an object')
    },
  )

  test('that can be repeated is a list, even if it is given once, and keeps its commas', () => {
    expect(read('--checkpoint', 'a,b')).toEqual({ checkpoint: ['a,b'] })
    expect(read('--checkpoint', 'a', '--checkpoint=b')).toEqual({ checkpoint: ['a', 'b'] })
  })

  test('that is not given is not set, so that defaults come from one place', () => {
    expect(read()).toEqual({})
  })

  test('has the kind of the schema that a default or an optional wraps', () => {
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

describe('a command line is rejected', () => {
  test.each([
    ['--learning-rat', '--learning-rate'],
    ['--skipbad', '--skip-bad'],
    ['--max-token', '--max-tokens'],
    ['--checkpiont', '--checkpoint'],
  ])('for the unknown flag %s, and %s is suggested', (flag, meant) => {
    expect(errorOf(() => read(flag, '3'))).toMatchObject({
      code: 'usage',
      detail: {
        subject: flag,
        problem: 'is not a flag of this command',
        fix: `Did you mean ${meant}? Add --help to see all flags.`,
      },
    })
  })

  test('for an unknown flag that resembles no other, without a suggestion', () => {
    expect(errorOf(() => read('--frobnicate')).detail).toEqual({
      subject: '--frobnicate',
      problem: 'is not a flag of this command',
      fix: 'Add --help to see all flags.',
    })
    expect(errorOf(() => read('-x')).detail.subject).toBe('-x')
  })

  test('for a field in snake_case, as in a file of settings, and the flag is suggested', () => {
    expect(errorOf(() => read('--skip_bad')).detail.fix).toContain('Did you mean --skip-bad?')
  })

  test('for a flag that takes one value and is given twice, in any form', () => {
    for (const second of [['--max-tokens', '9'], ['--max-tokens=8']])
      expect(errorOf(() => read('--max-tokens', '8', '--skip-bad', ...second)).detail).toEqual({
        subject: '--max-tokens',
        problem: 'is given twice',
        fix: 'Keep one of the two values.',
      })
    expect(read('--skip-bad', '--skip-bad')).toEqual({ skip_bad: true })
  })

  test('for a flag without its value', () => {
    const expected = { subject: '--max-tokens', problem: 'needs a value', fix: 'Write --max-tokens VALUE.' }
    expect(errorOf(() => read('--max-tokens')).detail).toMatchObject(expected)
  })

  test('for a value with a dash that could be a flag, with the way to write it', () => {
    expect(errorOf(() => read('--learning-rate', '-1')).detail).toMatchObject({
      subject: '--learning-rate',
      fix: expect.stringContaining('--learning-rate=VALUE'),
    })
  })

  test('for a boolean flag with a value', () => {
    const expected = {
      subject: '--skip-bad',
      problem: 'does not take a value',
      fix: 'Write --skip-bad without a value.',
    }
    expect(errorOf(() => read('--skip-bad=false')).detail).toMatchObject(expected)
  })

  test('for an argument, if the command takes only flags', () => {
    expect(errorOf(() => read('head')).detail).toMatchObject({
      subject: 'head',
      problem: 'is an unexpected argument',
    })
    const { positionals } = parseFlags(['one text', '--truncation-side', 'left', 'another'], fields, {
      positionals: true,
    })
    expect(positionals).toEqual(['one text', 'another'])
  })

  test('for a missing flag, with its description', () => {
    const { checkpoint, max_tokens } = fields
    expect(errorOf(() => checkFlags({ checkpoint, max_tokens }, {})).detail).toEqual({
      subject: '--checkpoint',
      problem: 'is required',
      fix: 'Add --checkpoint: Folder of an adapter.',
    })
  })

  test('for a value of the wrong kind, with the expected kind and the value', () => {
    const { max_tokens, truncation_side } = fields
    expect(errorOf(() => checkFlags({ max_tokens }, { max_tokens: 'ten' })).detail).toMatchObject({
      subject: '--max-tokens',
      expected: 'a number',
      found: '"ten"',
    })
    expect(errorOf(() => checkFlags({ truncation_side }, { truncation_side: 'letf' })).detail.expected).toMatch(
      /left.*right/,
    )
  })
})

test('no method and the training have a flag of the same name, and one of several methods means the same type', () => {
  const own = Object.values(fieldsByMethod).flatMap((fields) => Object.entries(fields))
  for (const [field, schemas] of Map.groupBy(own, ([name]) => name)) {
    expect(Object.keys(trainingFields.shape)).not.toContain(field)
    expect(new Set(schemas.map(([, schema]) => kindOf(schema))).size, field).toBe(1)
  }
})
