import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { evaluatePredictions } from '../../../platform/offline/evaluate-predictions.ts'
import { addPredictions } from '../../../platform/offline/predictions-file.ts'
import { readRows } from '../../../platform/offline/read-rows.ts'
import type { Reading } from '../../../training/data/reading.ts'

const folder = mkdtempSync(join(tmpdir(), 'predictions-'))
let files = 0

function write(content: string | Buffer): string {
  const path = join(folder, `${files++}`)
  writeFileSync(path, content)
  return path
}

const result = { label: 'good', score: 0.75, scores: { bad: 0.25, good: 0.75 }, tokens: 1, truncated: false }

/** Returns a file with the same prediction in each of its rows. */
async function predict(content: string | Buffer, reading: Reading = {}): Promise<string> {
  const file = await readRows(write(content), { ...reading, unlabelled: true })
  return addPredictions(
    file,
    file.rows.map(() => result),
  )
}

const CELLS = 'good,0.75,"{""bad"":0.25,""good"":0.75}"'
const MEMBERS = '"predicted_label": "good", "predicted_score": 0.75, "predicted_scores": {"bad":0.25,"good":0.75}}'

test('labels under any usual name stay true labels, which the predictions are measured against', async () => {
  const text = await predict('review,sentiment\nFine.,good\nPoor.,bad\n')
  expect(text).toBe(
    `review,sentiment,predicted_label,predicted_score,predicted_scores\nFine.,good,${CELLS}\nPoor.,bad,${CELLS}\n`,
  )
  expect(await evaluatePredictions(write(text))).toMatchObject({ n: 2, accuracy: 0.5 })
})

test('labels in a column with another name are measured if a flag names it', async () => {
  const text = await predict('review,verdict\nFine.,good\nPoor.,bad\n')
  expect(text.split('\n')[0]).toBe('review,verdict,label,score,scores')
  expect(await evaluatePredictions(write(text), { label_column: 'verdict' })).toMatchObject({ n: 2, accuracy: 0.5 })
  // The column label has predictions, which would always be right.
  await expect(evaluatePredictions(write(text))).rejects.toThrow('found no predicted_scores')
})

test('a table without a header gets one', async () => {
  const text = await predict('7,Fine.,good\n8,Poor.,bad\n', { text_column: '2' })
  expect(text).toBe(`column_1,text,column_3,label,score,scores\n7,Fine.,good,${CELLS}\n8,Poor.,bad,${CELLS}\n`)
  for (const label_column of ['column_3', '3'])
    expect(await evaluatePredictions(write(text), { label_column })).toMatchObject({ n: 2, accuracy: 0.5 })
})

test('tab-separated values without quoting stay without', async () => {
  const text = await predict('text\tlabel\n"Fine" film\tgood\n5" disk\tbad\n')
  expect(text).toBe(
    'text\tlabel\tpredicted_label\tpredicted_score\tpredicted_scores\n' +
      '"Fine" film\tgood\tgood\t0.75\t{"bad":0.25,"good":0.75}\n' +
      '5" disk\tbad\tgood\t0.75\t{"bad":0.25,"good":0.75}\n',
  )
  expect(await evaluatePredictions(write(text))).toMatchObject({ n: 2, accuracy: 0.5 })
})

test('predictions stand in their columns, whatever a spreadsheet left at the end of a row', async () => {
  const text = await predict('sep=;\ntext;label;\n"Fine; really";good\nPoor.;bad;;;\n;;\nOK;good;\n')
  expect(text.split('\n')).toEqual([
    'sep=;',
    'text;label;;predicted_label;predicted_score;predicted_scores',
    `"Fine; really";good;;${CELLS.replaceAll(',g', ';g').replaceAll('good,0', 'good;0').replace('75,"{', '75;"{')}`,
    `Poor.;bad;;${CELLS.replace('good,0.75,', 'good;0.75;')}`,
    `OK;good;;${CELLS.replace('good,0.75,', 'good;0.75;')}`,
    '',
  ])
  expect(await evaluatePredictions(write(text))).toMatchObject({ n: 3 })
})

test('a row with stray quotes can still be read with quoted cells beside them', async () => {
  const text = await predict('text,label\n"Fine" film,good\nPoor.,bad\n')
  expect(text.split('\n')[1]).toBe(`"""Fine"" film",good,${CELLS}`)
  expect((await readRows(write(text))).rows.map(({ example }) => example.text)).toEqual(['"Fine" film', 'Poor.'])
})

test('a JSON document becomes an array of its objects, which keep every digit', async () => {
  const rows =
    '{\n  "text": "Fine.",\n  "n": 12345678901234567890,\n  "label": "good"\n}, {"text": "Poor.", "label": "bad"}'
  const written = `[\n{ "text": "Fine.", "n": 12345678901234567890, "label": "good", ${MEMBERS},\n{"text": "Poor.", "label": "bad", ${MEMBERS}\n]\n`
  for (const document of [`[${rows}]`, `{"version": 2, "data": [${rows}]}`]) {
    const text = await predict(document)
    expect(text).toBe(written)
    expect(await evaluatePredictions(write(text))).toMatchObject({ n: 2, accuracy: 0.5 })
  }
})

test('fastText becomes JSON lines with the text and the label', async () => {
  const text = await predict('__label__good Fine.\n__label__bad Poor.\n')
  expect(text).toBe(`{"text":"Fine.","label":"good", ${MEMBERS}\n{"text":"Poor.","label":"bad", ${MEMBERS}\n`)
  expect(await evaluatePredictions(write(text))).toMatchObject({ n: 2, accuracy: 0.5 })
})

test('conversations keep their messages, whose replies are the true labels', async () => {
  const line = '{"messages": [{"role": "user", "content": "Fine."}, {"role": "assistant", "content": "bad"}]}'
  const text = await predict(`${line}\n`)
  expect(text).toBe(`${line.slice(0, -1)}, ${MEMBERS}\n`)
  expect(await evaluatePredictions(write(text))).toMatchObject({ n: 1, accuracy: 0 })
})

test('the result is in UTF-8, whatever the encoding of the file', async () => {
  const table = 'text,label\nTrès drôle.,good\nPas mal.,bad\n'
  const expected = await predict(table)
  expect(expected).toContain('Très drôle.,good,good')
  expect(await predict(Buffer.from(table, 'latin1'))).toBe(expected)
  expect(await predict(Buffer.from(`\ufeff${table}`, 'utf16le'))).toBe(expected)
})

test('rows whose -1 means that they have no label are not measured', async () => {
  const cells = `1,0.75,"{""0"":0.25,""1"":0.75}"`
  const rows = ['Fine.,1', 'Poor.,0', 'Unknown.,-1'].map((row) => `${row},${cells}\n`).join('')
  const path = write(`text,label,predicted_label,predicted_score,predicted_scores\n${rows}`)
  await expect(evaluatePredictions(path)).rejects.toThrow('no label')
  expect(await evaluatePredictions(path, { skip_bad: true })).toMatchObject({ n: 2, accuracy: 0.5 })
})
