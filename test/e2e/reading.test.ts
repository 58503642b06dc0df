import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { datasets } from '../../cli/commands/datasets.ts'
import { evaluate } from '../../cli/commands/evaluate.ts'
import { predict } from '../../cli/commands/predict.ts'
import type { Dataset } from '../../platform/schemas/datasets.ts'
import type { TrainingResult } from '../../training/events.ts'
import { freshPath } from '../checkpoint/helpers.ts'
import { graft, runInProcess, startGraft } from '../cli/run.ts'

const folder = freshPath('reading')
const write = (name: string, content: string | Uint8Array): string => {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

/** Reviews as Excel of a Western Windows saves them: semicolons, no header, Windows-1252, and an empty text. */
const rows = Array.from(
  { length: 30 },
  (_, i) => `${i};${i % 2 ? 'positive' : 'negative'};Caf\xe9 ${i}, ${i % 2 ? 'fine' : 'dull'}.`,
)
const train = write('train.csv', Buffer.from([...rows, '30;positive;', ''].join('\r\n'), 'latin1'))
/** The test data have a header and other columns. */
const test_ = write(
  'test.jsonl',
  rows
    .slice(0, 10)
    .map((row, i) => JSON.stringify({ n: i, meta: { verdict: row.split(';')[1] }, words: `Film ${i}.` }))
    .join('\n'),
)
const byNumber = ['--text-column', '3', '--label-column', '2']
const byPath = ['--text-column', 'words', '--label-column', 'meta.verdict']

const out = freshPath('read-adapter')

describe('on the command line', () => {
  let result: TrainingResult
  let stderr = ''
  beforeAll(async () => {
    const settings = ['--out', out, '--steps', '1', '--threads', '1', '--device', 'cpu', '--json']
    const exit = await graft('train', '--data', train, ...byNumber, '--skip-bad', ...settings)
    expect(exit.code, exit.stderr).toBe(0)
    result = JSON.parse(exit.stdout)
    stderr = exit.stderr
  })

  test('a training reports how its data were read, and which rows were skipped, in its plan, result and graft.json', () => {
    const skipped = { rows: 1, reasons: [{ reason: 'an empty text', rows: 1, lines: [31] }] }
    expect(result.skipped).toEqual({ data: skipped })
    expect(stderr).toContain('the column of the texts is 3, of the labels 2')
    expect(stderr).toContain('was read as Windows-1252')
    expect(stderr).toContain('warning: 1 rows of the training data were skipped: an empty text (line 31)')
    const { training } = JSON.parse(readFileSync(join(out, 'graft.json'), 'utf8'))
    expect(training.skipped).toEqual({ data: skipped })
    expect(training.settings).toMatchObject({ text_column: '3', label_column: '2', skip_bad: true })
  })

  test('a training that is planned refuses a test label that it does not know, even if bad rows are skipped', async () => {
    const other = write('other.csv', '1;neutral;Fine.\n2;positive;Fine.\n3;neutral;Dull.\n')
    const settings = ['--out', freshPath('none'), '--steps', '1', '--threads', '1', '--plan']
    const { code, stderr } = await graft(
      'train',
      '--data',
      train,
      '--test',
      other,
      ...byNumber,
      '--skip-bad',
      ...settings,
    )
    expect(code).toBe(2)
    expect(stderr).toContain('other labels in 2 of 3 rows: "neutral" (2)')
  })

  test('an evaluation and predictions take columns', async () => {
    const metrics = JSON.parse(await runInProcess(evaluate, '--checkpoint', out, '--data', test_, ...byPath, '--json'))
    expect(metrics.n).toBe(10)
    const args = ['--checkpoint', out, '--data', test_, '--text-column', 'words', '--json']
    expect(JSON.parse(await runInProcess(predict, ...args)).results.length).toBe(10)
    const western = write('western.csv', Buffer.from('text\nCaf\xe9.\n', 'latin1'))
    const { code, stdout, stderr } = await graft('predict', '--checkpoint', out, '--data', western)
    expect([code, stderr]).toEqual([0, expect.stringContaining('western.csv is not in UTF-8')])
    expect(stdout).toContain('Café.')
    await expect(runInProcess(predict, '--checkpoint', out, '--data', test_)).rejects.toMatchObject({
      code: 'data_format',
      detail: { found: 'rows with the fields n, meta.verdict, words' },
    })
  })

  test('a data set is stored with its columns', async () => {
    const added = JSON.parse(await runInProcess(datasets, 'add', train, ...byNumber, '--skip-bad', '--json')) as Dataset
    expect(added).toMatchObject({
      rows: 30,
      columns: { text: '3', label: '2' },
      encoding: 'windows-1252',
      skipped: { rows: 1 },
    })
  })
})

test('in the store, training and test data are read as each was uploaded, by trainings and evaluations', async () => {
  const home = freshPath('store-home')
  const settings = ['--steps', '1', '--threads', '1', '--device', 'cpu', '--json']
  const env = { GRAFT_HOME: home }
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await startGraft(args, env).exited
    expect(code, stderr).toBe(0)
    return { answer: JSON.parse(stdout), stderr }
  }
  const { answer: test } = await run('datasets', 'add', test_, ...byPath, '--name', 'test', '--json')
  expect(test.columns).toEqual({ text: 'words', label: 'meta.verdict' })
  const { answer: training } = await run(
    'train',
    '--data',
    train,
    ...byNumber,
    '--skip-bad',
    '--name',
    'mine',
    ...settings,
  )
  expect(training).toMatchObject({
    status: 'succeeded',
    plan: {
      data: { columns: { text: '3', label: '2' }, encoding: 'windows-1252', skipped: { rows: 1 } },
    },
    result: { skipped: { data: { rows: 1 } } },
  })
  const { answer: metrics } = await run(
    'evaluate',
    '--adapter',
    'mine',
    '--data',
    test_,
    ...byPath,
    '--threads',
    '1',
    '--json',
  )
  expect(metrics.n).toBe(10)
}, 240_000)
