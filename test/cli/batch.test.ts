import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { evaluate } from '../../cli/commands/evaluate.ts'
import { predict } from '../../cli/commands/predict.ts'
import { packageRoot } from '../../core/entry.ts'
import { readyAdapter } from '../../platform/offline/bases.ts'
import { addPredictions } from '../../platform/offline/predictions-file.ts'
import type { RowFile } from '../../platform/offline/read-rows.ts'
import { expectError, freshPath } from '../checkpoint/helpers.ts'
import { NODE_FLAGS } from '../node-flags.ts'
import { runInProcess } from './run.ts'

const GOOD = 'A joy from start to finish.'
const BAD = 'Terrible, I did not like it at all.'
const folder = mkdtempSync(join(tmpdir(), 'batch-'))
let files = 0

/** Writes a file, classifies it, and returns the text of the output. */
async function predictFile(content: string | Buffer, name = 'in.csv', out = `out-${name}`): Promise<string> {
  const path = join(folder, `${files++}`)
  mkdirSync(path)
  writeFileSync(join(path, name), content)
  const args = ['--data', join(path, name), '--out', join(path, out), '--threads', '1']
  const printed = await runInProcess(predict, '--checkpoint', readyAdapter, ...args)
  expect(printed).toContain(join(path, out))
  const written = readFileSync(join(path, out))
  return (out.endsWith('.gz') ? gunzipSync(written) : written).toString()
}

describe('graft predict --out', () => {
  test('keeps every column of a CSV as it is, and the order of the rows', async () => {
    const text = await predictFile(`id,Text,"My note",5\r\nb,"${BAD}","say ""no""",007\na,"${GOOD}\nReally.",,1e3\n`)
    const [header, first, ...rest] = text.trim().split('\n')
    expect(header).toBe('id,Text,"My note",5,label,score,scores')
    expect(first).toMatch(
      /^b,"Terrible, I did not like it at all\.","say ""no""",007,negative,0\.\d+,"\{""negative"":0\.\d+,""positive"":0\.\d+\}"$/,
    )
    expect(rest.join('\n')).toMatch(/^a,"A joy from start to finish\.\nReally\.",,1e3,positive,0\.\d+,"\{""/)
  })

  test('keeps the delimiter of a table, and writes gzip if the name says so', async () => {
    const text = await predictFile(`text;note\n${GOOD};x\n`, 'in.csv', 'out.csv.gz')
    expect(text).toMatch(
      /^text;note;label;score;scores\nA joy from start to finish\.;x;positive;0\.\d+;"\{""negative"":[\d.e-]+,""positive"":0\.\d+\}"\n$/,
    )
  })

  test('keeps the members of JSON lines with every digit', async () => {
    const lines = [`{"n": 12345678901234567890, "text": "${GOOD}"}`, `{"text": "${BAD}", "deep": {"a": [1]} }`]
    const [first, second] = (await predictFile(`${lines[0]}\n\n${lines[1]}\n`, 'in.jsonl')).trim().split('\n')
    expect(first.startsWith('{"n": 12345678901234567890, "text": ')).toBe(true)
    expect(JSON.parse(first)).toMatchObject({ label: 'positive', score: expect.any(Number) })
    const { label, score, scores, ...rest } = JSON.parse(second)
    expect(rest).toEqual({ text: BAD, deep: { a: [1] } })
    expect([label, scores.negative]).toEqual(['negative', score])
  })

  test('reads stdin and writes to stdout', () => {
    const args = ['predict', '--checkpoint', readyAdapter, '--data', '-', '--out', '-', '--threads', '1']
    const input = `text,id\n${GOOD},7\n`
    const command = [...NODE_FLAGS, join(packageRoot, 'bin/graft.cjs'), ...args]
    const stdout = execFileSync(process.execPath, command, {
      input,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    expect(stdout).toMatch(/^text,id,label,score,scores\nA joy from start to finish\.,7,positive,0\./)
  })

  test('leaves the predictions of a text that cannot be classified empty, and says why', async () => {
    const long = 'x'.repeat(200_001)
    const [header, first, second] = (await predictFile(`text\n${GOOD}\n${long}\n`)).trim().split('\n')
    expect(header).toBe('text,label,score,scores,error')
    expect(first).toMatch(/"\{.*\}",$/)
    expect(second.slice(long.length)).toMatch(/^,,,,"texts\[1\]: expected at most 200000 characters, but found 200001/)
  })

  test('refuses to overwrite a file, several adapters, and texts without a file', async () => {
    const path = freshPath('data.csv')
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, `text\n${GOOD}\n`)
    const run = (...args: string[]) => runInProcess(predict, '--checkpoint', readyAdapter, ...args)
    await expectError(run('--data', path, '--out', path), 'output_exists', path, 'exists already')
    await expectError(
      run('--checkpoint', readyAdapter, '--data', path, '--out', 'new'),
      'usage',
      '--out',
      'one adapter',
    )
    await expectError(run(GOOD, '--out', 'new'), 'usage', '--out', '--data FILE')
    await expectError(run('--data', path, '--out', 'new', '--explain'), 'usage', '--explain', '--json')
  })
})

describe('graft predict --explain', () => {
  const run = (...args: string[]) =>
    runInProcess(predict, '--checkpoint', readyAdapter, '--threads', '1', '--explain', 'A joy, not boring 😀', ...args)

  test('shows the words that contribute most, with their contributions', async () => {
    const lines = (await run()).split('\n')
    const at = lines.indexOf('film: A joy, not boring 😀')
    expect(lines[at + 1]).toMatch(/^ {2}positive against negative: \+\d+\.\d\d; for an empty text [+-]\d+\.\d\d$/)
    const words = lines
      .slice(at + 2)
      .flatMap((line) => /^ {2,}([+-])\d+\.\d\d {2}(?:\+*|-*) +(\S+)$/u.exec(line)?.[2] ?? [])
    expect(words.toSorted()).toEqual([',', 'A', 'boring', 'joy', 'not', '😀'])
  })

  test('prints everything as JSON', async () => {
    const { results } = JSON.parse(await run('--json'))
    const { explanation } = results[0][0]
    expect(explanation).toMatchObject({ target: 'positive', against: 'negative', steps: expect.any(Number) })
    expect(explanation.words.at(-1)).toMatchObject({ text: '😀', start: 18, end: 20 })
  })
})

describe('graft evaluate --predictions', () => {
  let labelled: string
  beforeAll(async () => {
    labelled = await predictFile(`text,label\n${GOOD},positive\n"${BAD}",negative\n${GOOD},negative\n`, 'labelled.csv')
  })
  const write = (content: string, name = 'predictions.csv') => {
    const path = join(folder, `${files++}-${name}`)
    writeFileSync(path, content)
    return path
  }

  test('measures what predict wrote beside true labels', async () => {
    expect(labelled.split('\n')[0]).toBe('text,label,predicted_label,predicted_score,predicted_scores')
    const metrics = JSON.parse(await runInProcess(evaluate, '--predictions', write(labelled), '--json'))
    expect(metrics).toMatchObject({
      n: 3,
      accuracy: 2 / 3,
      labels: ['negative', 'positive'],
      confusion: [
        [1, 1],
        [0, 1],
      ],
      slices: [],
    })
    const text = await runInProcess(evaluate, '--predictions', write(labelled))
    expect(text).toContain('accuracy 66.67 % on 3 reviews')
    expect(text).not.toContain('length')
  })

  test('agrees with an evaluation of the adapter', async () => {
    const data = write(`text,label\n${GOOD},positive\n"${BAD}",negative\n${GOOD},negative\n`, 'data.csv')
    const direct = JSON.parse(await runInProcess(evaluate, '--checkpoint', readyAdapter, '--data', data, '--json'))
    const metrics = JSON.parse(await runInProcess(evaluate, '--predictions', write(labelled), '--json'))
    for (const field of ['accuracy', 'f1', 'ece', 'log_loss']) expect(metrics[field]).toBeCloseTo(direct[field], 4)
  })

  test('names what a file lacks', async () => {
    const run = (content: string, ...args: string[]) => runInProcess(evaluate, '--predictions', write(content), ...args)
    await expectError(run('text,label\na,positive\n'), 'data_format', 'predicted_scores', 'graft predict')
    await expectError(run(labelled.replace(',positive,positive', ',great,positive')), 'data_label', 'line 2', 'great')
    await expectError(run(labelled.replace(/"\{[^}]*\}"(?=\n$)/, '')), 'data_line', 'line 4', 'found none')
    await expectError(run(labelled, '--data', 'x'), 'usage', '--data', '--predictions')
  })

  test('a file that has predictions already is not classified again', async () => {
    await expectError(predictFile(labelled), 'data_format', 'predicted_label', 'earlier run')
  })
})

test('a JSON object without members gets them without a comma', () => {
  const file: RowFile = {
    rows: [{ example: { id: '1', text: 'a', label: '' }, row: { line: 1, source: { text: '{ }', object: {} } } }],
    format: 'jsonl',
    encoding: 'utf-8',
    skipped: { rows: 0, reasons: [] },
  }
  const result = { label: 'a', score: 1, scores: { a: 1 }, tokens: 1, truncated: false }
  expect(addPredictions(file, [result])).toBe('{"label": "a", "score": 1, "scores": {"a":1}}\n')
})
