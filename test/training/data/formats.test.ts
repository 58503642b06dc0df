import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { scanQuotes, splitCsv } from '../../../training/data/csv-quotes.ts'
import { makeElementScanner } from '../../../training/data/json-elements.ts'
import { makeDataFiles } from './data-files.ts'

const { read } = makeDataFiles()

/** Reads a file as pairs of text and label. */
const readPairs = async (content: string | Uint8Array, options = {}) =>
  (await read(content, options)).examples.map(({ text, label }) => [text, label])

const pairs = [
  ['Warm, clever.', 'positive'],
  ['Two hours I want back.', 'negative'],
]
const [warm, hours] = pairs.map(([text, label]) => ({ text, label }))

describe('the same reviews are read from', () => {
  const table = 'text,label\n"Warm, clever.",positive\nTwo hours I want back.,negative\n'
  test.each([
    ['lines that end with CR, as old Macs wrote them', table.replaceAll('\n', '\r'), 'csv'],
    ['lines that end with CR CR LF', table.replaceAll('\n', '\r\r\n'), 'csv'],
    ['spaces after the commas', table.replaceAll(/,(?="|p|n|l)/g, ', '), 'csv'],
    [
      'spaces around quotes',
      'text , label\n  "Warm, clever."  , "positive" \nTwo hours I want back. , negative\n',
      'csv',
    ],
    ['quotes everywhere', '"text","label"\n"Warm, clever.","positive"\n"Two hours I want back.","negative"', 'csv'],
    [
      "Excel's line that sets the delimiter",
      'sep=;\r\ntext;label\r\nWarm, clever.;positive\r\nTwo hours I want back.;negative\r\n',
      'csv',
    ],
    [
      'a delimiter that only that line can set',
      '"sep=^"\ntext^label\nWarm, clever.^positive\nTwo hours I want back.^negative\n',
      'csv',
    ],
    ['bars', 'text|label\nWarm, clever.|positive\nTwo hours I want back.|negative\n', 'csv'],
    [
      'empty columns and rows of a spreadsheet',
      'text,label,,\r\n"Warm, clever.",positive,,\r\n,,,\r\nTwo hours I want back.,negative\r\n,,,,,\r\n',
      'csv',
    ],
    [
      'rows without the empty cells at their end, as Excel writes some',
      'text,label,note,\n"Warm, clever.",positive,seen,\nTwo hours I want back.,negative\n',
      'csv',
    ],
    [
      'two files with byte order marks, one after the other',
      `\ufeff${JSON.stringify(warm)}\n\ufeff${JSON.stringify(hours)}\n`,
      'jsonl',
    ],
    ['tabs', 'text\tlabel\nWarm, clever.\tpositive\n\t\nTwo hours I want back.\tnegative\n', 'tsv'],
    [
      'tabs and quotes everywhere',
      '"text"\t"label"\n"Warm, clever."\t"positive"\n"Two hours I want back."\t"negative"\n',
      'tsv',
    ],
    [
      'the format of fastText',
      '__label__positive Warm, clever.\n\n__label__negative Two hours I want back.\n',
      'fasttext',
    ],
    ['a JSON array on one line', JSON.stringify([warm, hours]), 'json'],
    ['a JSON array with an object on each line', `[\n${JSON.stringify(warm)},\n${JSON.stringify(hours)}\n]\n`, 'json'],
    ['a JSON array of several lines', JSON.stringify([warm, {}, hours], undefined, 2), 'json'],
    [
      'a JSON array with lines that end with CR LF',
      JSON.stringify([warm, hours], undefined, 2).replaceAll('\n', '\r\n'),
      'json',
    ],
    [
      'an array in an object',
      JSON.stringify({ version: [1, 2], info: { by: [{ name: 'x' }] }, rows: [warm, hours] }),
      'json',
    ],
    [
      'an array in an object of several lines',
      JSON.stringify({ n: 2, data: { train: [warm, hours] } }, undefined, '\t'),
      'json',
    ],
    [
      'objects of several lines, one after the other',
      [warm, hours].map((row) => JSON.stringify(row, undefined, 2)).join('\n'),
      'json',
    ],
    [
      'JSON lines with empty rows',
      `${JSON.stringify(warm)}\n{"text":null,"label":""}\n{}\n${JSON.stringify(hours)}`,
      'jsonl',
    ],
    [
      "OpenAI's format",
      pairs
        .map(([text, label]) => [
          { role: 'user', content: text },
          { role: 'assistant', content: label },
        ])
        .map((messages) => JSON.stringify({ messages }))
        .join('\n'),
      'jsonl',
    ],
    [
      "OpenAI's older format",
      pairs
        .map(([text, label]) => JSON.stringify({ prompt: `${text}\n\n###\n\n`, completion: ` ${label}` }))
        .join('\n'),
      'jsonl',
    ],
    [
      "OpenAI's older format, with an arrow and a stop word",
      pairs.map(([text, label]) => JSON.stringify({ prompt: `${text} ->`, completion: ` ${label} END` })).join('\n'),
      'jsonl',
    ],
  ])('%s', async (_, content, format) => {
    const { examples, ...counts } = await read(content)
    expect(examples.map(({ text, label }) => [text, label])).toEqual(pairs)
    expect(counts).toMatchObject({ format, rows: 2, skipped: { rows: 0 } })
  })
})

describe('tab-separated files without quoting are read literally:', () => {
  test.each([
    ['quotes that pair up', 'he calls it " a masterpiece " and means it'],
    ['a quote that never ends', '"odd opening, odder ending'],
    ['quotes of typewriters', "so-called `` comedy ''"],
    ['a quoted part at the start', '"Great," she said'],
    ['quotes at both ends', '"Great," she said, "really"'],
  ])('%s', async (_, text) => {
    expect(await readPairs(`text\tlabel\n${text}\t1\nFine.\t0\n`)).toEqual([
      [text, '1'],
      ['Fine.', '0'],
    ])
  })

  test('but quoting that doubles quotes, or that a tab or a line break needs, is recognized', async () => {
    const content = 'text\tlabel\n"He said ""fine"""\t1\nFine.\t0\n"Two\nlines\tand a tab"\t1\n'
    expect(await readPairs(content)).toEqual([
      ['He said "fine"', '1'],
      ['Fine.', '0'],
      ['Two\nlines\tand a tab', '1'],
    ])
  })

  test('a row of other width is an error of its line', async () => {
    await expect(read('text\tlabel\nFine.\t0\nOne\ttab\ttoo many\n')).rejects.toThrow(
      /line 3: .*found 3 columns, although the header has 2/,
    )
  })
})

describe('quotes in CSV that break its rules are read as they are, if it is clear what they mean:', () => {
  test.each([
    ['the sign for inches', 'A 5" disc and a 3" one', 'A 5" disc and a 3" one'],
    ['a quoted part at the start', '"Great" he said', '"Great" he said'],
  ])('%s', async (_, cell, text) => {
    expect(await readPairs(`text,label\n${cell},positive\n`)).toEqual([[text, 'positive']])
  })
})

test('long runs of a character take no longer than other texts', async () => {
  const run = (character: string) => character.repeat(300_000)
  const prompt = JSON.stringify({ prompt: `${run('#')}.${run('->')}.`, completion: ` ${run(' #')}a` })
  await expect(read(prompt)).rejects.toThrow('more than 100 characters')
  for (const character of ['\r', ' ', '"', '\\', '<br', ',', '\u200b']) {
    const text = `x${run(character)}x`
    for (const content of [JSON.stringify({ text, label: 1 }), `text,label\n"${text.replaceAll('"', '""')}",1\n`])
      expect((await read(content)).rows).toBe(1)
    await read(`${run(character)}x,y\n`).catch(() => {})
  }
})

test('HTML breaks are spaces', async () => {
  const content = 'review,sentiment\n"Fine.<br /><br />Really.<BR>Yes<br/>",positive\n<br />,negative\n'
  await expect(read(content)).rejects.toThrow(/line 3: .*only white space/)
  expect(await readPairs(content, { skip_bad: true })).toEqual([['Fine. Really. Yes ', 'positive']])
})

test('a row of fastText with several labels has none that is right', async () => {
  await expect(read('__label__a Fine.\n__label__a __label__b Fine.\n')).rejects.toThrow(/line 2: .*several labels/)
})

test('JSON by columns, as pandas writes it, is an error that says how to write rows', async () => {
  await expect(read('{"text":{"0":"Fine.","1":"Dull."},"label":{"0":1,"1":0}}')).rejects.toMatchObject({
    code: 'data_format',
    detail: { fix: expect.stringContaining('orient="records", lines=True') },
  })
})

describe('an error in a JSON document has the line of its row:', () => {
  const array = (row: string) => `[\n  {"text": "Fine.", "label": 1},\n  ${row},\n  {"text": "Dull.", "label": 0}\n]`
  test.each([
    ['NaN', '{\n"text": NaN, "label": 1}', 'NaN or Infinity'],
    ['a row that is a list', '["Fine.", 1]', 'not a JSON object'],
    ['a row without a text', '{"label": 1}', 'no text'],
  ])('%s', async (_, row, found) => {
    await expect(read(array(row))).rejects.toThrow(new RegExp(`line 3: .*${found}`))
    expect(await readPairs(array(row), { skip_bad: true })).toEqual([
      ['Fine.', '1'],
      ['Dull.', '0'],
    ])
  })

  test('an array that is not closed', async () => {
    await expect(read('[\n{"text": "Fine.", "label": 1},\n{"text": "Du')).rejects.toMatchObject({
      code: 'data_format',
      detail: { subject: expect.stringMatching(/line 3$/), found: 'the end of the file within a value' },
    })
  })

  test('a row that is too large', async () => {
    const limits = { rows: 10, rowBytes: 100, bytes: 1e7, freeBytes: 1e7, ratio: 1 }
    await expect(read(`[\n{"text": "${'x'.repeat(70_000)}", "label": 1}]`, { limits })).rejects.toMatchObject({
      code: 'data_format',
      detail: { subject: expect.stringMatching(/line 2$/), found: 'a row of more than 100 bytes' },
    })
  })
})

test('any objects in an array are found, however it is divided into chunks', () => {
  const value = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('"', '\\', '\\"', '[{', '}]', ',', '\n'),
    fc.jsonValue(),
  )
  const rows = fc.array(fc.dictionary(fc.string(), value, { maxKeys: 4 }), { maxLength: 5 })
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 9 }), fc.constantFrom(undefined, 2), (objects, size, indent) => {
      const document = Buffer.from(JSON.stringify({ '\\"[': [], rows: objects, after: [{}] }, undefined, indent))
      const found: unknown[] = []
      const scanner = makeElementScanner(
        { accepts: (path) => path !== 'values' && path.join() === 'rows', maxBytes: 1e6 },
        ({ bytes }) => void found.push(JSON.parse(bytes.toString())),
        (line, problem) => {
          throw new Error(`${line}: ${problem}`)
        },
      )
      for (let at = 0; at < document.length; at += size) scanner.push(document.subarray(at, at + size))
      expect(found).toEqual(JSON.parse(JSON.stringify(objects)))
      expect(scanner.isComplete()).toBe(true)
    }),
  )
})

test('the rows that end where quotes close are those that the CSV parser finds', () => {
  const line = fc.array(fc.constantFrom('"', '""', ',', ';', '\t', ' ', 'a', '\r', '\u00a0', '\ufeff', 'é'), {
    maxLength: 12,
  })
  fc.assert(
    fc.property(
      fc.array(line.map((parts) => parts.join(''))),
      fc.constantFrom(',', ';', '\t', '^'),
      (lines, delimiter) => {
        const rows = lines.filter((text) => {
          const { isOpen, isMisplaced } = scanQuotes(text, delimiter)
          return text.trim() !== '' && !isOpen && !isMisplaced
        })
        expect(splitCsv(rows, delimiter).length).toBe(rows.length)
      },
    ),
    { numRuns: 1000 },
  )
})
