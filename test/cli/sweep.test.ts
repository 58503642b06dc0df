import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { reproduce } from '../../cli/commands/reproduce.ts'
import { sweep } from '../../cli/commands/sweep.ts'
import { makeProgress } from '../../cli/progress.ts'
import type { Api } from '../../cli/store/api.ts'
import { makeLocalApi } from '../../cli/store/local-api.ts'
import { readGrid } from '../../cli/sweep/grid.ts'
import type { SweepReport } from '../../cli/sweep/report.ts'
import { type ReportFiles, reportFiles } from '../../cli/sweep/report-files.ts'
import { runSweep } from '../../cli/sweep/sweep.ts'
import { type OpenPlatform, openPlatform } from '../../platform/open-platform.ts'
import type { TrainingList } from '../../platform/schemas/trainings.ts'
import { startWorker, type Worker } from '../../platform/worker/worker.ts'
import { afterFile } from '../after-file.ts'
import { expectError, freshPath } from '../checkpoint/helpers.ts'
import { makeReviews, tinyBase, writeReviews } from '../training/tiny.ts'
import { freshHome, runInProcess, startGraft } from './run.ts'

const data = freshPath('data')
const file = join(data, '../grid.yaml')
const rows = [
  { name: 'LoRA 4', rank: 4, learning_rate: 0.02, published: 88.1 },
  { name: 'prompt', method: 'soft-prompt', tokens: 3 },
]

beforeAll(() => {
  writeReviews(makeReviews(120), join(data, 'train.jsonl'))
  writeReviews(makeReviews(60, 1), join(data, 'test.jsonl'))
  writeGrid(file, {})
})

function writeGrid(path: string, fields: object): void {
  mkdirSync(dirname(path), { recursive: true })
  const grid = {
    data,
    base: tinyBase(),
    seeds: 2,
    defaults: { steps: 80, batch_tokens: 800, threads: 1, device: 'cpu' },
    rows,
    claims: [{ better: 'LoRA 4', worse: 'prompt', says: 'LoRA beats a prompt' }],
  }
  writeFileSync(path, stringify({ ...grid, ...fields }))
}

/** Reads the files of a report, with every duration replaced. */
function readFiles({ json, markdown, accuracy, curves }: ReportFiles): string[] {
  const texts = [json, markdown, accuracy, curves].map((path) => readFileSync(path, 'utf8'))
  return texts.map((text) => text.replace(/"seconds": [\d.e-]+/g, '"seconds": 0').replace(/\| \d+ (s|min) \|/g, '|'))
}

const silent = makeProgress({ isTTY: false, write: () => true } as unknown as NodeJS.WriteStream)
const unending = new AbortController().signal

/** Opens a platform with the tiny base and an empty store. */
async function openTinyPlatform(): Promise<OpenPlatform> {
  const platform = await openPlatform({ base: tinyBase(), home: freshHome(), databaseUrl: '', threads: 1 })
  afterFile(() => platform.close())
  return platform
}

/** The files of an undisturbed sweep, to which all others are compared. */
let undisturbed: string[]

describe('a sweep that two workers share', () => {
  const files = reportFiles({ folder: freshPath('report') })
  let api: Api
  let report: SweepReport
  const workers: Worker[] = []
  const trainedBy = new Map<string, string>()
  const listNames = async () => (await Array.fromAsync(api.trainings.list())).map(({ name }) => name)

  beforeAll(async () => {
    const platform = await openTinyPlatform()
    for (const name of ['first', 'second'])
      workers.push(
        await startWorker({
          ...platform,
          name,
          onEvent: (event) => 'training_id' in event && trainedBy.set(event.training_id, name),
        }),
      )
    api = await makeLocalApi(platform)
    report = await runSweep(api, await readGrid(file), { files, signal: unending, retry: false, progress: silent })
    undisturbed = readFiles(files)
  })
  afterAll(async () => {
    for (const worker of workers) await worker.close()
  })

  test('trains each row for each seed, once, and both workers take part', async () => {
    expect((await listNames()).sort()).toEqual([
      expect.stringMatching(/^grid-lora-4-s0-[0-9a-f]{10}$/),
      expect.stringMatching(/^grid-lora-4-s1-[0-9a-f]{10}$/),
      expect.stringMatching(/^grid-prompt-s0-[0-9a-f]{10}$/),
      expect.stringMatching(/^grid-prompt-s1-[0-9a-f]{10}$/),
    ])
    expect(trainedBy.size).toBe(4)
    expect(new Set(trainedBy.values())).toEqual(new Set(['first', 'second']))
  })

  test('the report has every result: accuracies with intervals, parameters, sizes, curves, TF-IDF and the claim', () => {
    expect(report).toMatchObject({
      name: 'grid',
      base: { parameters: 62_144 },
      data: { train: { rows: 120 }, test: { rows: 60 } },
      seeds: [0, 1],
      trainings: { total: 4, ended: 4 },
      baseline: { n: 60, accuracy: 1 },
    })
    const [lora, prompt] = report.rows
    expect(lora).toMatchObject({ trainable: 3584, bytes: 4 * 3584, published: 88.1, accuracy: { seeds: 2 } })
    expect(prompt).toMatchObject({ trainable: 96, bytes: 384 })
    for (const { trainings, accuracy, seconds } of report.rows) {
      expect(seconds).toBeGreaterThan(0)
      const accuracies = trainings.map((training) => training.accuracy as number)
      expect(accuracy?.mean).toBeCloseTo((accuracies[0] + accuracies[1]) / 2, 12)
      expect(accuracy?.interval[0]).toBeLessThan(accuracy?.mean as number)
      for (const { steps, curve, digest } of trainings) {
        expect([steps, curve?.at(-1)?.step]).toEqual([80, 80])
        expect(digest).toMatch(/^[0-9a-f]{64}$/)
      }
    }
    const [claim] = report.claims
    expect(claim.seeds.map(({ seed }) => seed)).toEqual([0, 1])
    const differences = report.rows[0].trainings.map(
      ({ accuracy }, seed) => (accuracy as number) - (prompt.trainings[seed].accuracy as number),
    )
    for (const [i, difference] of differences.entries()) expect(claim.seeds[i].difference).toBeCloseTo(difference, 12)
    expect(claim.difference).toBeCloseTo((differences[0] + differences[1]) / 2, 12)
    expect(claim.verdict).toBe('holds')
  })

  test('the files of the report agree with it', () => {
    expect(JSON.parse(readFileSync(files.json, 'utf8'))).toEqual(JSON.parse(JSON.stringify(report)))
    const markdown = readFileSync(files.markdown, 'utf8')
    for (const text of ['| 1 | LoRA 4 | 3,584 |', '| 2 | prompt | 96 |', 'TF-IDF', '| LoRA beats a prompt | holds |'])
      expect(markdown).toContain(text)
    expect(readFileSync(files.accuracy, 'utf8')).toContain('LoRA 4')
  })

  test('a second run repeats nothing and writes the same bytes', async () => {
    const before = [files.json, files.markdown, files.accuracy, files.curves].map((path) => readFileSync(path))
    await runSweep(api, await readGrid(file), { files, signal: unending, retry: true, progress: silent })
    expect(await listNames()).toHaveLength(4)
    expect(await Array.fromAsync(api.comparisons.list())).toHaveLength(2)
    const after = [files.json, files.markdown, files.accuracy, files.curves].map((path) => readFileSync(path))
    expect(after).toEqual(before)
  })

  test('another row trains only what is missing, and a failure is reported without stopping the others', async () => {
    const other = freshPath('grid.yaml')
    const diverging = { name: 'diverging', method: 'full', learning_rate: 1e30, max_grad_norm: 1e30 }
    writeGrid(other, { seeds: 1, rows: [diverging, ...rows], tfidf: false })
    const options = { files: reportFiles({ folder: freshPath() }), signal: unending, progress: silent }
    const grid = await readGrid(other)
    const { rows: results, claims } = await runSweep(api, grid, { ...options, retry: false })
    expect(await listNames()).toHaveLength(5)
    expect(results[0].accuracy).toBeUndefined()
    expect(results[0].trainings[0]).toMatchObject({ status: 'failed', error: expect.stringContaining('diverged') })
    expect(results[1].accuracy).toMatchObject({ seeds: 1, mean: report.rows[0].trainings[0].accuracy })
    expect(claims[0].p).toBe(claims[0].seeds[0].mcnemar_p)
    // It would diverge again.
    await runSweep(api, grid, { ...options, retry: false })
    expect(await listNames()).toHaveLength(5)
    await runSweep(api, grid, { ...options, retry: true })
    expect(await listNames()).toHaveLength(6)
  })

  test('a method that does not fit the base is rejected before anything is launched', async () => {
    const other = freshPath('grid.yaml')
    writeGrid(other, { rows: [...rows, { name: 'wrong', targets: ['query'] }], seeds: [9] })
    const options = { files: reportFiles({ folder: freshPath() }), signal: unending, retry: false, progress: silent }
    await expectError(runSweep(api, await readGrid(other), options), 'method_invalid', 'query')
    expect((await listNames()).filter((name) => name?.includes('-s9-'))).toEqual([])
  })
})

test('a sweep that is killed continues when it is run again, and ends with the report of an undisturbed one', async () => {
  const [home, out] = [freshHome(), freshPath('report')]
  const run = (...flags: string[]) => startGraft(['sweep', file, '--out', out, ...flags], { GRAFT_HOME: home })
  const killed = run()
  await killed.waitFor(/seed 0: accuracy/)
  await sleep(700)
  killed.kill('SIGKILL')
  await killed.exited
  const files = reportFiles({ folder: out })
  expect(readFileSync(files.markdown, 'utf8')).toContain('Incomplete')
  const { code, stdout, stderr } = await run('--json').exited
  expect(code, stderr).toBe(0)
  expect(readFiles(files)).toEqual(undisturbed)
  expect(JSON.parse(stdout)).toMatchObject({ trainings: { ended: 4 }, files: { markdown: files.markdown } })
  const listed = await startGraft(['trainings', '--json'], { GRAFT_HOME: home }).exited
  const { data: trainings } = JSON.parse(listed.stdout) as TrainingList
  expect(trainings.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded', 'succeeded'])
})

test('Ctrl-C stops a sweep, and says that the same command continues it', async () => {
  const run = startGraft(['sweep', file, '--out', freshPath('report')], { GRAFT_HOME: freshHome() })
  await run.waitFor(/waiting for a worker|seed 0/)
  run.kill('SIGINT')
  const { code, stderr } = await run.exited
  expect([code, stderr]).toEqual([130, expect.stringContaining('run the same command again')])
})

test('--plan prints what would be trained, with an estimate, and trains nothing', async () => {
  const out = freshPath('report')
  const plan = JSON.parse(await runInProcess(sweep, file, '--plan', '--json', '--out', out))
  expect(plan.rows).toMatchObject([
    { name: 'LoRA 4', trainable: 3584, ended: [], steps: 80 },
    { name: 'prompt', trainable: 96, ended: [], steps: 80 },
  ])
  const [lora, prompt] = plan.rows
  expect(lora.remaining).toHaveLength(2)
  expect(plan.seconds).toBeCloseTo(2 * (lora.seconds + prompt.seconds), 9)
  expect(() => readFileSync(join(out, 'report.md'))).toThrow()
})

test('graft reproduce trains the published rows and sets the published figures beside them', async () => {
  const out = freshPath('results.md')
  const flags = ['--data', data, '--base', tinyBase(), '--seeds', '1', '--epochs', '0.5', '--threads', '1']
  const printed = await runInProcess(reproduce, ...flags, '--out', out)
  const markdown = readFileSync(out, 'utf8')
  const { rows: results } = JSON.parse(readFileSync(out.replace('.md', '.json'), 'utf8')) as SweepReport
  expect(results).toHaveLength(10)
  for (const { name, published, accuracy } of results) {
    expect(accuracy?.mean).toBeGreaterThan(0)
    expect(markdown).toContain(name)
    expect(markdown).toContain(`| ${published?.toFixed(1)} |`)
  }
  for (const claim of ['an adapter beats full fine-tuning', 'rank 8 beats rank 1', '10 tokens beat 1']) {
    expect(printed).toContain(`${claim}: `)
    expect(markdown).toContain(`| ${claim} |`)
  }
})

test('a wrong command line is reported before the store is opened', async () => {
  await expectError(runInProcess(sweep), 'usage', 'the file of a grid')
  await expectError(runInProcess(sweep, '/nowhere.yaml'), 'file_missing', '/nowhere.yaml')
  await expectError(runInProcess(reproduce), 'usage', '--data')
  await expectError(runInProcess(reproduce, '--data', '/nowhere'), 'file_missing', '/nowhere')
})
