import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { makeDataFiles } from './data-files.ts'

const { read } = makeDataFiles()
const csv = 'text,label\nCafé “déjà vu”, 5 €.,positive\n'.replace('vu”, 5', 'vu” – 5')
const utf16 = (text: string, order: 'le' | 'be') => {
  const bytes = Buffer.from(text, 'utf16le')
  return order === 'le' ? bytes : bytes.swap16()
}
/** Windows-1252 has the characters of Latin-1, and some at 0x80 to 0x9f. */
const windows1252 = (text: string) =>
  Buffer.from(
    text.replaceAll('“', '\x93').replaceAll('”', '\x94').replaceAll('–', '\x96').replaceAll('€', '\x80'),
    'latin1',
  )

describe('the same text is read from', () => {
  test.each([
    ['UTF-8', Buffer.from(csv), 'utf-8'],
    ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${csv}`), 'utf-8'],
    ['UTF-16, little endian', utf16(`\ufeff${csv}`, 'le'), 'utf-16le'],
    ['UTF-16, big endian', utf16(`\ufeff${csv}`, 'be'), 'utf-16be'],
    ['UTF-16 without a byte order mark', utf16(csv, 'le'), 'utf-16le'],
    [
      'UTF-16 in gzip, with lines that end with CR LF',
      gzipSync(utf16(`\ufeff${csv.replaceAll('\n', '\r\n')}`, 'le')),
      'utf-16le',
    ],
    ['Windows-1252', windows1252(csv), 'windows-1252'],
    ['Windows-1252 without a line break at the end', windows1252(csv.trimEnd()), 'windows-1252'],
  ])('%s', async (_, content, encoding) => {
    const { examples, ...counts } = await read(content)
    expect(examples[0].text).toBe('Café “déjà vu” – 5 €.')
    expect(counts.encoding).toBe(encoding)
  })
})

test('JSON lines and the format of fastText are read from UTF-16 and Windows-1252 as well', async () => {
  for (const content of ['{"text":"Déjà.","label":"é"}\n', '__label__é Déjà.\n', '[{"text":"Déjà.","label":"é"}]'])
    for (const bytes of [utf16(`\ufeff${content}`, 'le'), Buffer.from(content, 'latin1')])
      expect((await read(bytes)).examples).toMatchObject([{ text: 'Déjà.', label: 'é' }])
})

test('Windows-1252 is recognized wherever its first accent is', async () => {
  const rows = `text,label\n${'Plain.,positive\n'.repeat(9000)}Caf\xe9.,negative\n`
  const { examples, encoding } = await read(Buffer.from(rows, 'latin1'))
  expect(examples.at(-1)?.text).toBe('Café.')
  expect(encoding).toBe('windows-1252')
})

test('a file that mixes UTF-8 and Windows-1252 is an error of the line where the encoding changes', async () => {
  const utf8 = Buffer.from('text,label\nCafé.,positive\nFine.,positive\n')
  const latin1 = Buffer.from('text,label\nCaf\xe9.,positive\n', 'latin1')
  const mixed = Buffer.concat([utf8, Buffer.from('Caf\xe9.,negative\n', 'latin1')])
  await expect(read(mixed)).rejects.toThrow(/line 4: .*bytes that are not UTF-8, although line 2 is/)
  expect((await read(mixed, { skip_bad: true })).rows).toBe(2)
  await expect(read(Buffer.concat([latin1, Buffer.from('Café.,negative\n')]))).rejects.toThrow(
    /line 3: .*characters in UTF-8, although line 2 is in Windows-1252/,
  )
})

test.each([
  ['Cyrillic in Windows-1251', 'cff0e5eaf0e0f1edfbe920f4e8ebfcec'],
  ['Chinese in GBK', 'd5e2b2bfb5e7d3b0ccabb0f4c1cb'],
  ['Japanese in Shift-JIS', '82b182cc898991e882cd8dc58d8281'],
])('%s is not taken for Windows-1252', async (_, hex) => {
  const line = Buffer.concat([Buffer.from(hex, 'hex'), Buffer.from(',positive\n')])
  await expect(read(Buffer.concat([Buffer.from('text,label\nFine.,negative\n'), line]))).rejects.toThrow(
    /line 3: .*bytes that are neither UTF-8 nor Windows-1252/,
  )
})

describe('a NUL byte has one answer, with the line,', () => {
  test.each([
    ['in JSON lines', '{"text":"Fine.","label":"a"}\n', '{"text":"Du\0ll.","label":"b"}\n'],
    ['in CSV', 'text,label\nFine.,a\n', 'Du\0ll.,b\n'],
    ['in tab-separated values', 'text\tlabel\nFine.\ta\n', 'Du\0ll.\tb\n'],
    ['in the format of fastText', '__label__a Fine.\n', '__label__b Du\0ll.\n'],
    ['in a JSON array', '[{"text":"Fine.","label":"a"},\n', '{"text":"Du\0ll.","label":"b"}]\n'],
  ])('%s', async (_, before, row) => {
    const line = before.split('\n').length
    await expect(read(before + row)).rejects.toMatchObject({
      code: 'data_line',
      detail: { subject: expect.stringMatching(new RegExp(`line ${line}$`)), found: 'a NUL byte' },
    })
    expect(await read(before + row, { skip_bad: true })).toMatchObject({
      rows: 1,
      skipped: { rows: 1, reasons: [{ reason: 'a NUL byte', lines: [line] }] },
    })
  })
})

test('UTF-16 that is damaged is an error', async () => {
  await expect(read(Buffer.concat([utf16(`\ufeff${csv}`, 'le'), Buffer.from([0x41])]))).rejects.toMatchObject({
    code: 'data_format',
    detail: { expected: 'text in UTF-16' },
  })
})
