import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import type { Example } from '../../../training/data/check-row.ts'
import { countLeaked, readExamples, requireClasses } from '../../../training/data/examples.ts'
import { LOCAL_LIMITS } from '../../../training/data/limits.ts'
import type { ReadOptions } from '../../../training/data/scan-examples.ts'
import { imdb, withoutImdb } from '../../imdb.ts'

const folder = mkdtempSync(join(tmpdir(), 'graft-data-'))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
const write = (content: string | Uint8Array, name = 'reviews.jsonl') => {
  const path = join(folder, `${files++}-${name}`)
  writeFileSync(path, content)
  return path
}
const readText = (content: string | Uint8Array, options?: ReadOptions, name?: string) =>
  readExamples(write(content, name), options)
const jsonLine = (text: string, label = 'positive') => JSON.stringify({ text, label })
const a = { id: 'a', text: 'Fine.', label: 'positive' }
const b = { id: 'b', text: 'Dull, "very"\nlong.', label: 'negative' }
/** Returns an example as a line in OpenAI's format. */
const toConversation = ({ id, text, label }: Example) =>
  JSON.stringify({
    id,
    messages: [
      { role: 'system', content: 'You judge films.' },
      { role: 'user', content: text },
      { role: 'assistant', content: label },
    ],
  })
const jsonl = `${JSON.stringify(a)}\n${JSON.stringify(b)}\n`
const csv = 'id,text,label\na,Fine.,positive\nb,"Dull, ""very""\nlong.",negative\n'

describe('the same examples are read from', () => {
  test.each([
    ['JSON lines', jsonl],
    ['JSON lines without a last line break', jsonl.trimEnd()],
    [
      'JSON lines with blank lines, a byte order mark and Windows line ends',
      `\ufeff\r\n${jsonl.replaceAll('\n', '\r\n\r\n')}`,
    ],
    ["JSON lines of conversations in OpenAI's format", [a, b].map(toConversation).join('\n')],
    ['JSON lines in gzip', gzipSync(jsonl)],
    [
      'JSON lines in a gzip file of two parts',
      Buffer.concat([gzipSync(jsonl.slice(0, 30)), gzipSync(jsonl.slice(30))]),
    ],
    ['CSV', csv],
    ['CSV in gzip', gzipSync(csv)],
    [
      'CSV with quotes everywhere, other columns and capitals',
      '"Label","ID","Stars","TEXT"\n"positive","a","9","Fine."\nnegative,b,,"Dull, ""very""\nlong."',
    ],
    ['CSV with Windows line ends', csv.replaceAll('\n', '\r\n')],
    ['CSV with tabs as delimiters', 'id\ttext\tlabel\na\tFine.\tpositive\nb\t"Dull, ""very""\nlong."\tnegative\n'],
    ['CSV with semicolons as delimiters', 'id;text;label\na;Fine.;positive\nb;"Dull, ""very""\nlong.";negative\n'],
  ])('%s', async (_, content) => {
    for (const name of ['reviews', 'reviews.jsonl', 'reviews.csv.gz'])
      expect((await readText(content, undefined, name)).examples).toEqual([a, b])
  })

  test('any text that CSV can hold', async () => {
    const text = fc.array(
      fc.oneof(fc.constantFrom('"', ',', '\n', '""', ' ', ';', '\t'), fc.string({ unit: 'grapheme' })),
    )
    const texts = fc.array(
      text.map((parts) => `x${parts.join('')}`.replaceAll('\r', '')),
      { minLength: 1, maxLength: 8 },
    )
    await fc.assert(
      fc.asyncProperty(texts, async (all) => {
        const rows = all.map((value) => `"${value.replaceAll('"', '""')}",positive`)
        const { examples } = await readText(`text,label\n${rows.join('\n')}\n`)
        expect(examples.map((example) => example.text)).toEqual(all)
      }),
    )
  })
})

test('the id of a row without one is the number of its line', async () => {
  const { examples } = await readText(
    `${jsonLine('One.')}\n\n${jsonLine('Two.')}\n{"id":7,"text":"Three.","label":3}\n`,
  )
  expect(examples.map(({ id, label }) => [id, label])).toEqual([
    ['1', 'positive'],
    ['3', 'positive'],
    ['7', '3'],
  ])
})

test('the digest is that of the file on the disk', async () => {
  const bytes = gzipSync(jsonl)
  expect((await readText(bytes)).sha256).toBe(createHash('sha256').update(bytes).digest('hex'))
})

test('examples that repeat a text are counted', async () => {
  expect(
    (await readText([jsonLine('A.'), jsonLine('B.'), jsonLine('A.', 'negative'), jsonLine('A.')].join('\n')))
      .duplicates,
  ).toBe(2)
})

test('examples without labels are read if labels are optional', async () => {
  const { examples } = await readText('{"text":"One."}\n{"text":"Two.","label":"negative"}', { unlabelled: true })
  expect(examples.map(({ label }) => label)).toEqual(['', 'negative'])
  expect((await readText('text\nOne.', { unlabelled: true })).examples).toEqual([{ id: '2', text: 'One.', label: '' }])
})

describe('an error names the line and what is wrong there, but no text of the data:', () => {
  const readLine = (line: string, options?: ReadOptions) =>
    readText(`${jsonLine('One.')}\n${line}\n${jsonLine('Three.')}\n`, options)

  test.each([
    ['invalid JSON', '{"text": "Two', 'text that is not a JSON object'],
    ['a JSON array', '["Two.", "positive"]', 'text that is not a JSON object'],
    ['no text', '{"label":"positive"}', 'no text'],
    ['a text that is not a string', '{"text":["Two."],"label":"positive"}', 'a list of 1'],
    ['an empty text', '{"text":"","label":"positive"}', 'an empty text'],
    ['a text of blanks', '{"text":" ","label":"positive"}', 'only white space'],
    [
      'half of a surrogate pair',
      '{"text":"Two \\ud800","label":"positive"}',
      'half of a surrogate pair at character 5',
    ],
    ['no label', '{"text":"Two."}', 'no label'],
    ['an empty label', '{"text":"Two.","label":""}', 'no label'],
    ['a label of blanks', '{"text":"Two.","label":" "}', 'no label'],
    ['a label that is not a string', '{"text":"Two.","label":null}', 'null'],
    ['a label that is a whole text', jsonLine('positive', 'Two. '.repeat(30)), 'more than 100 characters'],
    ['a label that cannot be printed', jsonLine('Two.', 'posi\u202etive'), 'a character that cannot be printed'],
    ['a label that nobody sees', jsonLine('Two.', '\ufe0f'), 'no visible character'],
  ])('%s', async (_, bad, found) => {
    await expect(readLine(bad)).rejects.toMatchObject({
      code: 'data_line',
      detail: { subject: expect.stringMatching(/reviews\.jsonl, line 2$/), found },
      message: expect.not.stringContaining('Two'),
    })
    const { examples, skipped } = await readLine(bad, { skip_bad: true })
    expect(examples.map(({ text }) => text)).toEqual(['One.', 'Three.'])
    expect(skipped).toEqual({ rows: 1, reasons: [{ reason: found, rows: 1, lines: [2] }] })
  })

  test('an unknown label, together with the labels allowed', async () => {
    const labels = ['negative', 'positive']
    await expect(readLine(jsonLine('Two.', 'great'), { labels })).rejects.toMatchObject({
      code: 'data_label',
      detail: {
        subject: expect.stringMatching(/line 2$/),
        expected: 'one of the labels negative, positive',
        found: 'the label "great"',
      },
    })
    const others = `${jsonLine('Two.', 'great')}\n${jsonLine('Two.', 'Positive')}\n${jsonLine('Two.', 'great')}`
    await expect(readLine(others, { labels, skip_bad: true })).rejects.toMatchObject({
      code: 'data_label',
      detail: {
        subject: expect.stringMatching(/line 2$/),
        found: 'other labels in 3 of 5 rows: "great" (2), "Positive" (1)',
      },
    })
    const many = Array.from({ length: 1000 }, (_, i) => `label ${i}`)
    await expect(readLine(jsonLine('Two.', 'great'), { labels: ['positive', ...many] })).rejects.toMatchObject({
      detail: { expected: expect.stringMatching(/^one of the labels positive, label 0, .*, label 18 and 981 more$/) },
    })
  })

  test('a CSV row with too many columns, by its line rather than its row', async () => {
    const rows = 'text,label\n"One\ntwo.",positive\nBad, indeed,negative\nThree.,negative\n'
    await expect(readText(rows)).rejects.toThrow(/line 4: .*found 3 columns, although the header has 2/)
    expect((await readText(rows, { skip_bad: true })).examples.length).toBe(2)
  })

  test.each([
    ['a quote that ends before its field', 'text,label\n"One" he said, then "two",positive\n', 2, 'misplaced quotes'],
    [
      'a quote that is never closed',
      'text,label\nOne.,positive\n"Two.,positive\nThree.,positive\n',
      3,
      'a quote that is never closed',
    ],
  ])('%s', async (_, content, at, found) => {
    await expect(readText(content)).rejects.toThrow(new RegExp(`line ${at}: .*found ${found}`))
  })

  test('a quote that swallows other rows, even if bad rows are skipped', async () => {
    const rows = 'text,label\n"One.,positive\nTwo.,positive\n"Three.",positive\n'
    await expect(readText(rows, { skip_bad: true })).rejects.toMatchObject({ code: 'data_line' })
    await expect(readText('text,label\n"One.,positive\n', { skip_bad: true })).rejects.toMatchObject({
      code: 'data_line',
    })
  })
})

describe('a file is an error if it', () => {
  test('is missing', async () => {
    await expect(readExamples(join(folder, 'none.jsonl'))).rejects.toMatchObject({ code: 'file_missing' })
  })

  test('is a folder', async () => {
    await expect(readExamples(folder)).rejects.toMatchObject({ code: 'data_format', detail: { found: 'a folder' } })
  })

  test.each([
    ['is empty', ''],
    ['is blank', '\n \n\r\n'],
    ['is an empty gzip file', gzipSync('')],
    ['is only a header', 'text,label\n'],
  ])('%s', async (_, content) => {
    await expect(readText(content)).rejects.toMatchObject({ code: 'data_empty' })
  })

  test.each([
    ['is prose', 'Dear reader,\nthis is prose.\n', 'text that is none of these'],
    ['is binary', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2]), 'binary data: a NUL byte'],
    ['is a Parquet file', Buffer.from('PAR1\u0015\u0000'), 'a Parquet file'],
    ['is a pointer of Git LFS', 'version https://git-lfs.github.com/spec/v1\n', 'a pointer of Git LFS'],
    ['is a web page', '<!DOCTYPE html>\n<html>text,label</html>', 'a web page'],
    ['is UTF-32', Buffer.from('fffe000041000000', 'hex'), 'text in UTF-32'],
    ['is an Excel workbook', Buffer.from('PK\u0003\u0004\u0014\u0000'), 'an Excel workbook'],
    ['is an incomplete gzip file', gzipSync(jsonl).subarray(0, 60), 'one that ends early'],
    ['is a damaged gzip file', gzipSync(jsonl).fill(7, 20, 40), 'a damaged one'],
    ['is gzip in gzip', gzipSync(gzipSync(jsonl)), 'gzip within gzip'],
  ])('%s', async (_, content, found) => {
    await expect(readText(content)).rejects.toMatchObject({
      code: 'data_format',
      detail: { found: expect.stringContaining(found) },
    })
  })

  test('has only bad rows', async () => {
    for (const skip_bad of [false, true])
      await expect(readText('{"text":1}\n{"text":2}\n', { skip_bad, label_column: 'text' })).rejects.toMatchObject({
        code: 'data_format',
        detail: { found: expect.stringContaining('every row has') },
      })
  })
})

describe('limits', () => {
  const limits = { rows: 3, rowBytes: 200, bytes: 2000, freeBytes: 1000, ratio: 20 }
  const lines = (count: number, text = 'Fine.') => `${jsonLine(text)}\n`.repeat(count)

  test('on rows name the line of the first one too many', async () => {
    expect((await readText(lines(3), { limits })).rows).toBe(3)
    await expect(readText(`\n${lines(4)}`, { limits })).rejects.toMatchObject({
      code: 'data_too_large',
      detail: { subject: expect.stringMatching(/, line 5$/), expected: 'at most 3 reviews' },
    })
  })

  test('on bytes apply after decompression, and depend on the size of the compressed file', async () => {
    const rows = { ...limits, rows: 1000 }
    const dense = gzipSync(lines(60))
    await expect(readText(dense, { limits: rows })).rejects.toMatchObject({
      code: 'data_too_large',
      detail: {
        expected: `at most 2000 bytes after decompression`,
        found: 'more',
      },
    })
    const maxBytes = 1000 + dense.length
    await expect(readText(dense, { limits: { ...rows, ratio: 1 } })).rejects.toMatchObject({
      detail: { expected: `at most ${maxBytes} bytes after decompression (1000 and 1 for each byte of the file)` },
    })
    expect((await readText(gzipSync(lines(20)), { limits: { ...rows, ratio: 1 } })).rows).toBe(20)
  })

  test('on a row apply to lines, and to rows of many lines with their line breaks', async () => {
    await expect(readText(jsonLine('x'.repeat(200)), { limits })).rejects.toMatchObject({
      code: 'data_format',
      detail: { subject: expect.stringMatching(/, line 1$/), expected: 'at most 200 bytes on a line' },
    })
    const open = `text,label\nFine.,positive\n"Dull.${'\n'.repeat(100_000)}`
    const large = { ...limits, bytes: 1e6, freeBytes: 1e6 }
    await expect(readText(open, { limits: large })).rejects.toMatchObject({
      code: 'data_line',
      detail: {
        subject: expect.stringMatching(/, line 3$/),
        found: 'a quote that is not closed within 200 characters',
      },
    })
    const text = `Long,${'\n'.repeat(150)}long.`
    expect((await readText(`text,label\n"${text}",positive\n`, { limits })).examples[0].text).toBe(text)
  })

  test('on labels apply to any file', async () => {
    const file = (labels: number) => Array.from({ length: labels }, (_, i) => jsonLine(`${i}.`, `${i}`)).join('\n')
    expect((await readText(file(1000), { limits: LOCAL_LIMITS })).labels.size).toBe(1000)
    await expect(readText(file(1001))).rejects.toMatchObject({
      code: 'data_too_large',
      detail: { subject: expect.stringMatching(/, line 1001$/), expected: 'at most 1000 labels' },
    })
  })
})

test('training needs two classes, and the error counts the examples', async () => {
  const file = await readText([jsonLine('A.'), jsonLine('B.')].join('\n'))
  expect(() => requireClasses(file, 'x.jsonl')).toThrow(
    'x.jsonl: expected at least two labels, but found only positive, 2 times.',
  )
  const both = await readText(jsonl)
  expect(() => requireClasses(both, 'x.jsonl')).not.toThrow()
})

test('leaked examples are those of the test data whose text is in the training data', () => {
  expect(countLeaked([a, b], [{ ...b, id: 'c' }, { ...a, text: 'Other.' }, b])).toBe(2)
})

test.skipIf(withoutImdb)(`the 25,000 reviews of IMDB are read in seconds${withoutImdb}`, async () => {
  const start = performance.now()
  const train = await readExamples(`${imdb}/train.jsonl.gz`, { labels: ['negative', 'positive'] })
  // It takes 1 s on an idle core.
  expect(performance.now() - start).toBeLessThan(10_000)
  const heldOut = await readExamples(`${imdb}/test.jsonl.gz`)
  expect([train.examples.length, train.duplicates, countLeaked(train.examples, heldOut.examples)]).toEqual([
    25_000, 97, 67,
  ])
})
