import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import {
  countLeaked,
  type Example,
  type ReadOptions,
  readExamples,
  requireClasses,
} from '../../../training/data/examples.ts'
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

describe('an error names the line and its content:', () => {
  const readLine = (line: string, options?: ReadOptions) =>
    readText(`${jsonLine('One.')}\n${line}\n${jsonLine('Three.')}\n`, options)

  test.each([
    ['invalid JSON', '{"text": "Two', 'text that is not a JSON object: "{\\"text\\": \\"Two"'],
    ['a JSON array', '["Two.", "positive"]', 'text that is not a JSON object: "[\\"Two.'],
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
    ['an empty label', '{"text":"Two.","label":""}', '"" as its label'],
    ['a label that is not a string', '{"text":"Two.","label":null}', 'null as its label'],
  ])('%s', async (_, bad, found) => {
    await expect(readLine(bad)).rejects.toMatchObject({
      code: 'data_line',
      detail: { subject: expect.stringMatching(/reviews\.jsonl, line 2$/), found: expect.stringContaining(found) },
    })
    const { examples, skipped } = await readLine(bad, { skipBad: true })
    expect(examples.map(({ text }) => text)).toEqual(['One.', 'Three.'])
    expect(skipped).toEqual([{ line: 2, reason: expect.stringContaining(found) }])
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
    expect((await readLine(jsonLine('Two.', 'great'), { labels, skipBad: true })).skipped[0].line).toBe(2)
  })

  test('bytes that are not UTF-8', async () => {
    const bytes = Buffer.from(`${jsonLine('One.')}\n${jsonLine('Caf\xe9.')}\n`, 'latin1')
    await expect(readText(bytes)).rejects.toMatchObject({
      code: 'data_line',
      message: expect.stringContaining('line 2'),
    })
    expect((await readText(bytes, { skipBad: true })).examples.length).toBe(1)
    await expect(readText(Buffer.from('text,label\n"Caf\xe9\n",positive\n', 'latin1'))).rejects.toThrow(/line 2.*UTF-8/)
  })

  test('a CSV row with too many columns, by its line rather than its row', async () => {
    const rows = 'text,label\n"One\ntwo.",positive\nBad, indeed,negative\nThree.,negative\n'
    await expect(readText(rows)).rejects.toThrow(/line 4: .*found 3 columns, although the header has 2/)
    expect((await readText(rows, { skipBad: true })).examples.length).toBe(2)
  })

  test.each([
    ['a quote in the middle of a field', 'text,label\nA 5" disc and a 3" one,positive\n', 2, 'misplaced quotes'],
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
    await expect(readText(rows, { skipBad: true })).rejects.toMatchObject({ code: 'data_line' })
    await expect(readText('text,label\n"One.,positive\n', { skipBad: true })).rejects.toMatchObject({
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
    ['is prose', 'Dear reader,\nthis is prose.\n', 'neither: "Dear reader,"'],
    ['is CSV without a header', 'A fine film.,positive\n', 'neither'],
    ['is CSV without labels', 'text,stars\nFine.,9\n', 'neither'],
    ['is a JSON array', `[${jsonLine('One.')}]`, 'a JSON array'],
    ['is binary', Buffer.from([0x50, 0x41, 0x52, 0x31, 0, 1, 2]), 'binary data'],
    ['is UTF-16', Buffer.from(`\ufeff${jsonl}`, 'utf16le'), 'UTF-16'],
    ['is an incomplete gzip file', gzipSync(jsonl).subarray(0, 60), 'one that ends early'],
    ['is a damaged gzip file', gzipSync(jsonl).fill(7, 20, 40), 'a damaged one'],
    ['is gzip in gzip', gzipSync(gzipSync(jsonl)), 'binary data'],
  ])('%s', async (_, content, found) => {
    await expect(readText(content)).rejects.toMatchObject({
      code: 'data_format',
      detail: { found: expect.stringContaining(found) },
    })
  })

  test('has only bad rows', async () => {
    await expect(readText('no\nnor this\n', { skipBad: true })).rejects.toMatchObject({
      code: 'data_format',
      detail: { found: expect.stringContaining('line 1') },
    })
  })
})

test('training needs two classes, and the error counts the examples', async () => {
  const { examples } = await readText([jsonLine('A.'), jsonLine('B.')].join('\n'))
  expect(() => requireClasses(examples, 'x.jsonl')).toThrow(
    'x.jsonl: expected at least two labels, but found only positive, 2 times.',
  )
  expect(() => requireClasses([a, b], 'x.jsonl')).not.toThrow()
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
    25_000, 96, 67,
  ])
})
