import { describe, expect, test } from 'vitest'
import { makeDataFiles } from './data-files.ts'

const { read } = makeDataFiles()

describe('columns with usual names are recognized:', () => {
  test.each([
    ['review,sentiment', { text: 'review', label: 'sentiment' }],
    ['Sentence,Target', { text: 'Sentence', label: 'Target' }],
    ['CLASS,CONTENT', { text: 'CONTENT', label: 'CLASS' }],
    ['id,category,body', { text: 'body', label: 'category' }],
    ['rating,comment,title', { text: 'comment', label: 'rating' }],
    // The more usual name wins, and a reader can see which one it was.
    ['review,text,rating,label', { text: 'text', label: 'label' }],
  ])('%s', async (header, columns) => {
    const row = header.split(',')
    expect((await read(`${header}\n${row.map((name) => `${name}!`)}\n`)).columns).toEqual(columns)
    const object = JSON.stringify(Object.fromEntries(row.map((name) => [name, `${name}!`])))
    const { examples, ...counts } = await read(`${object}\n`)
    expect(counts.columns).toEqual(columns)
    expect(examples).toMatchObject([{ text: `${columns.text}!`, label: `${columns.label}!` }])
  })
})

describe('columns are requested', () => {
  const table = 'words,verdict,text,label\nFine.,good,Dull.,bad\n'
  test.each([
    ['by name', { text_column: 'words', label_column: 'verdict' }, ['Fine.', 'good']],
    ['in any letter case', { text_column: 'Words', label_column: 'VERDICT' }, ['Fine.', 'good']],
    ['by number, although there is a header', { text_column: '3', label_column: '4' }, ['Dull.', 'bad']],
    ['one by name and one by number', { text_column: 'words', label_column: '2' }, ['Fine.', 'good']],
    ['one only', { label_column: 'verdict' }, ['Dull.', 'good']],
  ])('%s', async (_, request, [text, label]) => {
    expect((await read(table, request)).examples).toMatchObject([{ text, label }])
  })

  test('by number in a file without a header', async () => {
    // The first label looks like the number of its column.
    const rows = '"1","Title","Fine, really."\n"2","Title","Dull."\n'
    const request = { text_column: '3', label_column: '1' }
    const { examples, ...counts } = await read(rows, request)
    expect(examples).toMatchObject([
      { id: '1', text: 'Fine, really.', label: '1' },
      { id: '2', text: 'Dull.', label: '2' },
    ])
    expect(counts.columns).toEqual({ text: '3', label: '1' })
    const semicolons = '2;Title;Fine, really.\n1;Title;Dull, dull, dull.\n'
    expect((await read(semicolons, request)).examples[1].text).toBe('Dull, dull, dull.')
  })

  test('by number, and a first row whose label never occurs again is a header', async () => {
    const rows = ['1,a,Fine.', '2,b,Dull.', '1,c,Yes.', '2,d,No.'].join('\n')
    const request = { text_column: '3', label_column: '1' }
    const { labels, columns } = await read(`Class Index,Title,Description\n${rows}\n`, request)
    expect([...labels]).toEqual([
      ['1', 2],
      ['2', 2],
    ])
    expect(columns).toEqual({ text: 'Description', label: 'Class Index' })
    // Among a few rows, or if others occur once as well, a label may be rare.
    expect((await read(`3,x,Odd.\n${rows}\n4,y,Rare.\n`, request)).rows).toBe(6)
    expect((await read('3,x,Odd.\n1,a,Fine.\n1,b,Yes.\n', request)).rows).toBe(3)
  })

  test('of one of several arrays in a JSON document', async () => {
    const splits = JSON.stringify({ train: [{ text: 'Fine.', label: 1 }], test: [{ text: 'Dull.', label: 0 }] })
    await expect(read(splits)).rejects.toMatchObject({
      code: 'data_format',
      detail: { found: 'several: train, test', fix: expect.stringContaining('--text-column train.text') },
    })
    expect((await read(splits, { text_column: 'test.text' })).examples).toMatchObject([{ text: 'Dull.', label: '0' }])
  })

  test('by paths in nested JSON', async () => {
    const row = { review: { text: 'Fine.', 'a.b': 'Dull.' }, meta: { label: { name: 'good' } } }
    const request = { text_column: 'review.text', label_column: 'meta.label.name' }
    const nested = { data: { rows: [row] } }
    for (const content of [row, [row], nested].map((value) => JSON.stringify(value)))
      expect((await read(content, request)).examples).toMatchObject([{ text: 'Fine.', label: 'good' }])
    const whole = { text_column: 'data.rows.review.text', label_column: 'data.rows.meta.label.name' }
    expect((await read(JSON.stringify(nested), whole)).examples).toMatchObject([{ text: 'Fine.' }])
    const dotted = { ...request, text_column: 'review.a.b' }
    expect((await read(JSON.stringify(row), dotted)).examples).toMatchObject([{ text: 'Dull.' }])
  })

  test('by names that every object has', async () => {
    await expect(
      read('{"words":"Fine."}\n', { text_column: 'toString', label_column: 'constructor' }),
    ).rejects.toMatchObject({ code: 'data_format' })
    const row = Object.fromEntries([
      ['__proto__', 'Fine.'],
      ['constructor', 'good'],
    ])
    const content = `${JSON.stringify(row)}\n`
    const request = { text_column: '__proto__', label_column: 'constructor' }
    expect((await read(content, request)).examples).toMatchObject([{ text: 'Fine.', label: 'good' }])
  })
})

describe('if the columns are not known, the error', () => {
  test('shows the first row and proposes flags', async () => {
    await expect(
      read('"2","Title","A joy from start to finish."\n"1","Other","Dull and long."\n'),
    ).rejects.toMatchObject({
      code: 'data_format',
      detail: {
        found: 'a first line with the columns 1 "2", 2 "Title", 3 "A joy from start to finish."',
        fix: expect.stringContaining('--text-column 3 --label-column 1'),
      },
    })
  })

  test('proposes the column with the longest cells and the one with the fewest values', async () => {
    const rows = ['a,9,Short.,x', 'a,8,A long review.,y', 'a,7,Another review.,x', 'a,6,One more.,y'].join('\n')
    await expect(read(`${rows}\n`)).rejects.toMatchObject({
      detail: { fix: expect.stringContaining('--text-column 3 --label-column 4') },
    })
  })

  test('proposes fields within objects that have usual names', async () => {
    const content = JSON.stringify({ features: [{ name: 'x' }], rows: [{ row: { text: 'Fine.', label: 1 } }] })
    await expect(read(content)).rejects.toMatchObject({
      detail: { fix: expect.stringContaining('--text-column row.text --label-column row.label') },
    })
  })

  test('lists the fields of JSON', async () => {
    await expect(read('{"words":"Fine.","meta":{"verdict":"good"}}\n')).rejects.toMatchObject({
      code: 'data_format',
      detail: { found: 'rows with the fields words, meta.verdict' },
    })
  })

  test('names the requested one', async () => {
    await expect(read('text,label\nFine.,good\n', { text_column: 'review' })).rejects.toMatchObject({
      detail: { expected: 'the column "review"', found: expect.stringContaining('1 "text", 2 "label"') },
    })
    await expect(read('a,b\nFine.,good\n', { text_column: '1' })).rejects.toMatchObject({
      detail: { expected: expect.stringContaining('one of labels'), found: expect.stringContaining('1 "a", 2 "b"') },
    })
    await expect(read('a,b\nFine.,good\n', { text_column: '1', label_column: '3' })).rejects.toMatchObject({
      detail: { expected: 'the column "3"' },
    })
    await expect(read('{"text":"Fine.","label":1}', { label_column: 'stars' })).rejects.toMatchObject({
      detail: { expected: 'the column "stars"', found: 'rows with the fields text, label' },
    })
  })

  test('shows a few columns of many, and little of each', async () => {
    const cells = Array.from({ length: 30 }, (_, i) => `${'long '.repeat(50)}${i}`)
    await expect(read(`${cells}\n${cells}\n`)).rejects.toMatchObject({
      detail: { found: expect.stringMatching(/^.{200,1200} and 18 more$/) },
    })
  })

  test('asks for one of two columns with the same name', async () => {
    const content = 'text,label,text\nFine.,good,Dull.\n'
    await expect(read(content)).rejects.toMatchObject({
      detail: { expected: 'one column named "text"', found: 'columns 1 and 3' },
    })
    expect((await read(content, { text_column: '3' })).examples).toMatchObject([{ text: 'Dull.', label: 'good' }])
  })

  test('asks for different columns', async () => {
    await expect(read('text,label\nFine.,good\n', { text_column: 'text', label_column: '1' })).rejects.toMatchObject({
      detail: { found: 'column 1 for both' },
    })
  })
})
