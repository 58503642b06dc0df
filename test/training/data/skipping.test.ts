import { describe, expect, test } from 'vitest'
import { makeDataFiles } from './data-files.ts'

const { read } = makeDataFiles()
const line = (label: unknown, text: unknown = 'Fine.') => `${JSON.stringify({ text, label })}\n`
const good = (rows: number) => line('good').repeat(rows)

test('the rows that are skipped are counted by reason, with their first lines', async () => {
  const content = `${good(90)}${line('good', '').repeat(7)}${line(null).repeat(2)}`
  expect(await read(content, { skip_bad: true })).toMatchObject({
    rows: 90,
    skipped: {
      rows: 9,
      reasons: [
        { reason: 'an empty text', rows: 7, lines: [91, 92, 93, 94, 95] },
        { reason: 'null', rows: 2, lines: [98, 99] },
      ],
    },
  })
})

test('reasons that are all different are counted together', async () => {
  const content = `${good(500)}${Array.from({ length: 30 }, (_, i) => line('good', i)).join('')}`
  const { skipped } = await read(content, { skip_bad: true })
  expect(skipped.reasons.length).toBe(11)
  expect(skipped.reasons[0]).toMatchObject({ reason: 'other reasons', rows: 20 })
})

describe('more than a tenth of the rows', () => {
  const content = `${good(80)}${line('good', '').repeat(20)}`

  test('is not skipped', async () => {
    await expect(read(content, { skip_bad: true })).rejects.toMatchObject({
      code: 'data_skipped',
      detail: {
        expected: 'at most 10 % of the rows to be skipped',
        found: '20 of 100 rows: an empty text (20 rows: lines 81, 82, 83, 84, 85, …)',
        fix: expect.stringContaining('--max-skipped 1'),
      },
    })
  })

  test('is skipped if max_skipped allows it', async () => {
    expect((await read(content, { skip_bad: true, max_skipped: 0.2 })).rows).toBe(80)
    await expect(read(content, { skip_bad: true, max_skipped: 0.15 })).rejects.toThrow('at most 15 %')
  })

  test('may be three rows of a tiny file, unless max_skipped is set', async () => {
    const tiny = `${good(4)}${line('good', '').repeat(3)}`
    expect((await read(tiny, { skip_bad: true })).rows).toBe(4)
    await expect(read(tiny, { skip_bad: true, max_skipped: 0.1 })).rejects.toMatchObject({ code: 'data_skipped' })
    await expect(read(`${tiny}${line('good', '')}`, { skip_bad: true })).rejects.toMatchObject({ code: 'data_skipped' })
  })
})

describe('a problem of every row is one of the file:', () => {
  test.each([
    [
      'rows of another width',
      'text,label\na\tgood\nb\tbad\n',
      '1 columns, although the header has 2 (2 rows: lines 2, 3)',
    ],
    ['labels that are empty', 'text,label,x\na,,1\nb,,2\n', 'no label (2 rows: lines 2, 3)'],
    ['texts that are objects', line('a', { a: 1 }) + line('b', { a: 1 }), 'an object (2 rows: lines 1, 2)'],
    ['several problems', line('a', '') + line(''), 'an empty text (line 1); no label (line 2)'],
  ])('%s', async (_, content, found) => {
    for (const skip_bad of [false, true])
      await expect(read(content, { skip_bad })).rejects.toMatchObject({
        code: 'data_format',
        detail: { subject: expect.stringMatching(/reviews$/), found: `none: every row has ${found}` },
      })
  })

  test('but the first row of others that can be read is one of its line', async () => {
    await expect(read(`${line('a', '')}${line('b', '')}${good(1)}`)).rejects.toMatchObject({
      code: 'data_line',
      detail: { subject: expect.stringMatching(/line 1$/) },
    })
  })

  test('and a file with a thousand such rows is not read further', async () => {
    await expect(read(line('a', '').repeat(1000) + good(1))).rejects.toMatchObject({ code: 'data_format' })
  })
})

describe('a text without a visible character is treated like an empty one:', () => {
  test.each([
    ['zero-width spaces', '\u200b\u200b'],
    ['byte order marks', '\ufeff \ufeff'],
    ['soft hyphens', '\u00ad'],
    ['the blank pattern of Braille', '\u2800'],
    ['a filler of Hangul', '\u3164'],
    ['joiners and marks', '\u200d\ufe0f\u0301'],
    ['control characters', '\u0007'],
  ])('%s', async (_, text) => {
    const content = `${good(1)}${line('bad', text)}`
    await expect(read(content)).rejects.toThrow(/line 2: .*(nobody can see|only white space)/)
    expect((await read(content, { skip_bad: true })).rows).toBe(1)
  })

  test('and one with a visible character is not', async () => {
    for (const text of ['\u200bx', '!', '😀', '\u0e01', '\u{10ffff}', '1'])
      expect((await read(line('a', text))).examples[0].text).toBe(text)
  })
})

test('a value that pandas writes for a missing one is missing', async () => {
  await expect(read('text,label\nFine.,a\nNaN,b\n')).rejects.toThrow(
    /line 3: expected a text, but found no text \(NaN\)/,
  )
  await expect(read('text,label\nFine.,a\nDull.,nan\n')).rejects.toThrow(/line 3: .*no label \(nan\)/)
})

describe('-1 as a label', () => {
  const rows = (...labels: unknown[]) => labels.map((label) => line(label)).join('')

  test('means that there is none, if the others are 0, 1, …', async () => {
    const content = rows(0, -1, 1, -1, 2)
    await expect(read(content)).rejects.toMatchObject({
      code: 'data_line',
      detail: { subject: expect.stringMatching(/line 2$/), found: expect.stringContaining('no label (-1 marks') },
    })
    const { examples, ...counts } = await read(content, { skip_bad: true })
    expect(examples.map(({ id, label }) => [id, label])).toEqual([
      ['1', '0'],
      ['3', '1'],
      ['5', '2'],
    ])
    expect(counts).toMatchObject({ rows: 3, skipped: { rows: 2, reasons: [{ lines: [2, 4] }] } })
    expect([...counts.labels.keys()]).toEqual(['0', '1', '2'])
  })

  test('is a class, if the others are not', async () => {
    expect([...(await read(rows(1, -1))).labels.keys()]).toEqual(['1', '-1'])
    expect((await read(rows('0', '-1', 'positive'))).labels.size).toBe(3)
  })

  test('of every row is a problem of the file', async () => {
    await expect(read(rows(-1, -1))).rejects.toMatchObject({
      code: 'data_format',
      detail: { found: expect.stringContaining('no label (-1 marks') },
    })
  })

  test('is not allowed in test data whose labels are others', async () => {
    await expect(read(rows('a', -1), { labels: ['a', 'b'], skip_bad: true })).rejects.toMatchObject({
      code: 'data_label',
    })
    expect((await read(rows(0, 1, -1), { labels: ['0', '1'], skip_bad: true })).rows).toBe(2)
  })

  test('does not matter where labels do not', async () => {
    expect((await read(rows(0, -1), { unlabelled: true })).rows).toBe(2)
  })
})

test('true and false are labels', async () => {
  expect([...(await read(line(true) + line(false))).labels.keys()]).toEqual(['true', 'false'])
})
