import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { loadAdapter } from '../../checkpoint/adapter.ts'
import { readTensorFile } from '../../checkpoint/read-tensors.ts'
import { compare } from '../../cli/commands/compare.ts'
import { evaluate } from '../../cli/commands/evaluate.ts'
import { predict } from '../../cli/commands/predict.ts'
import { probe } from '../../cli/commands/probe.ts'
import { train } from '../../cli/commands/train.ts'
import { packageRoot } from '../../core/entry.ts'
import { problem } from '../../platform/schemas/common.ts'
import { comparison } from '../../platform/schemas/comparisons.ts'
import { expectError, freshPath, parityPath } from '../checkpoint/helpers.ts'
import { readJsonLines } from '../json-lines.ts'
import { base, configs, saveRandomAdapter } from '../serving/adapters.ts'
import { graft, runInProcess, startGraft } from './run.ts'

const samples = (name: string) => join(packageRoot, 'samples', `${name}.jsonl`)
const share = z.number().min(0).max(1)
const interval = z.tuple([share, share])
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const scores = z.strictObject({ negative: share, positive: share })

const trained = z.strictObject({
  checkpoint: z.string(),
  steps: z.int().positive(),
  trainable: z.int().positive(),
  total: z.int().positive(),
  seconds: z.number().positive(),
  reviews_per_second: z.number().positive(),
  loss: z.number().positive(),
  calibration: z.strictObject({ reviews: z.literal(0), temperature: z.literal(1) }),
  accuracy: share.optional(),
  findings: z.array(
    z.object({ code: z.string(), level: z.string(), message: z.string(), count: z.int(), fix: z.string() }),
  ),
})
const measured = z.strictObject({
  n: z.int(),
  accuracy: share,
  interval,
  f1: share,
  ece: share,
  log_loss: z.number().positive(),
  labels: z.array(z.string()),
  classes: z.array(z.object({ label: z.string(), n: z.int(), precision: share, recall: share, f1: share })),
  confusion: z.array(z.array(z.int())),
  slices: z.array(z.object({ name: z.string(), n: z.int(), accuracy: share, interval })),
})
const predicted = z.strictObject({
  adapters: z.array(z.strictObject({ adapter: z.string(), digest: sha256 })),
  results: z.array(
    z.array(
      z.union([
        z.strictObject({ label: z.string(), score: share, scores, tokens: z.int(), truncated: z.boolean() }),
        z.strictObject({ error: problem }),
      ]),
    ),
  ),
})

const find = (name: string) => configs.find(([other]) => other === name) as (typeof configs)[number]
const [lora, prompt] = [find('lora-4'), find('prompt')]
let checkpoints: string[]
beforeAll(async () => {
  checkpoints = await Promise.all([lora, prompt].map(([name, config, size]) => saveRandomAdapter(name, config, size)))
})

describe('graft train', () => {
  const short = ['--data', samples('train'), '--steps', '3', '--batch-tokens', '512', '--threads', '1']

  test('--json prints one document with the result, and the output folder can be evaluated', async () => {
    const out = freshPath('film-lora')
    const { code, stdout, stderr } = await graft('train', ...short, '--test', samples('test'), '--out', out, '--json')
    expect(code, stderr).toBe(0)
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
    const result = trained.parse(JSON.parse(stdout))
    expect(result).toMatchObject({ checkpoint: resolve(out), steps: 3, trainable: 49_152, total: 8_441_344 })
    expect(stderr).toContain('49,152 of 8,441,344 parameters are trained (0.582 %)')
    const { manifest } = await loadAdapter(out, base, { allowNoManifest: false })
    expect(manifest?.metrics).toMatchObject({ accuracy: result.accuracy, n: 90 })
    const again = JSON.parse(await runInProcess(evaluate, '--checkpoint', out, '--data', samples('test'), '--json'))
    expect(again.accuracy).toBe(result.accuracy)
  })

  test('without --test prints lines of text and no accuracy', async () => {
    const out = freshPath('plain')
    const printed = await runInProcess(train, ...short, '--out', out)
    expect(printed).toMatch(
      /^.*plain\n3 steps in .* reviews\/s; final loss \d\.\d{4}\n49,152 of 8,441,344 parameters trained\nno temperature was fitted, .*\nwarning: The training did not learn .*\n$/,
    )
  })

  test('--plan writes nothing and prints steps, time and memory', async () => {
    const out = freshPath('planned')
    const plan = JSON.parse(await runInProcess(train, ...short, '--out', out, '--plan', '--json'))
    expect(plan).toMatchObject({ method: 'lora', steps: 3, trainable: 49_152, threads: 1, batch_tokens: 512 })
    expect(plan.estimate.seconds).toBeGreaterThan(0)
    expect(plan.estimate.memory_bytes).toBeGreaterThan(1e7)
    for (const path of [out, `${out}.training`]) expect(existsSync(path), path).toBe(false)
  })

  test('--config reads fields from a file, and flags override them', async () => {
    const config = join(checkpoints[0], '..', 'config.yaml')
    writeFileSync(config, 'method: soft-prompt\ntokens: 3\nsteps: 1\nbatch_tokens: 256\n')
    const flags = ['--config', config, '--data', samples('train'), '--tokens', '7', '--threads', '1', '--json']
    const result = trained.parse(JSON.parse(await runInProcess(train, ...flags, '--out', freshPath())))
    expect(result).toMatchObject({ steps: 1, trainable: 7 * 256 })
  })

  test('that is interrupted exits with 130 and prints the --resume command, which completes the training', async () => {
    const out = freshPath('broken')
    const args = ['--data', samples('train'), '--steps', '60', '--batch-tokens', '512', '--threads', '1', '--out', out]
    const run = startGraft(['train', ...args])
    await run.waitFor(/loss/)
    run.kill('SIGINT')
    const { code, stderr, stdout } = await run.exited
    expect({ code, stdout }, stderr).toEqual({ code: 130, stdout: '' })
    expect(stderr).toContain(`graft train --resume --out ${JSON.stringify(out)}`)
    const repeated = await graft('train', ...args, '--json')
    expect(repeated.code).toBe(2)
    expect(JSON.parse(repeated.stdout).error).toMatchObject({ code: 'output_exists', subject: `${out}.training` })
    await expectError(runInProcess(train, '--resume', '--out', out, '--seed', '3'), 'usage', 'seed: expected')
    const result = trained.parse(JSON.parse(await runInProcess(train, '--resume', ...args, '--json')))
    expect(result).toMatchObject({ steps: 60, checkpoint: resolve(out) })
    expect(existsSync(`${out}.training`)).toBe(false)
  })
})

describe('graft evaluate', () => {
  test('--json prints all metrics', async () => {
    const printed = await runInProcess(evaluate, '--checkpoint', checkpoints[0], '--data', samples('test'), '--json')
    const result = measured.parse(JSON.parse(printed))
    expect(result).toMatchObject({ n: 90, labels: ['negative', 'positive'] })
    expect(result.confusion.flat().reduce((a, b) => a + b)).toBe(90)
    expect(result.interval[0]).toBeLessThan(result.accuracy)
  })

  test('prints the accuracy, the confusion matrix and the slices as text', async () => {
    const printed = await runInProcess(evaluate, '--checkpoint', checkpoints[0], '--data', samples('test'))
    expect(printed).toMatch(
      /^accuracy \d+\.\d\d % on 90 reviews, 95 % interval \d+\.\d\d % to \d+\.\d\d %\nmacro F1 0\.\d{4}, expected calibration error 0\.\d{4}, log loss \d\.\d{4}\n\n/,
    )
    expect(printed).toMatch(/negative +\d+ +\d+\npositive +\d+ +\d+/)
    expect(printed).toContain('up to 128 tokens')
  })
})

test('graft evaluate shows the calibration with and without the temperature of an adapter', async () => {
  const dir = await saveRandomAdapter('warm', lora[1], lora[2], { temperature: 2 })
  const flags = ['--checkpoint', dir, '--data', samples('test')]
  const { ece, log_loss, uncalibrated } = JSON.parse(await runInProcess(evaluate, ...flags, '--json'))
  const plain = JSON.parse(
    await runInProcess(evaluate, '--checkpoint', checkpoints[0], '--data', samples('test'), '--json'),
  )
  expect(uncalibrated).toEqual({ ece: plain.ece, log_loss: plain.log_loss })
  expect(await runInProcess(evaluate, ...flags)).toContain(
    `expected calibration error ${ece.toFixed(4)}, log loss ${log_loss.toFixed(4)}\nwithout the temperature: expected calibration error ${plain.ece.toFixed(4)}, log loss ${plain.log_loss.toFixed(4)}\n`,
  )
})

describe('graft compare', () => {
  const flags = () => checkpoints.flatMap((dir) => ['--checkpoint', dir])
  const data = ['--data', samples('test'), '--threads', '1']

  test('--json prints the same comparison as the API', async () => {
    const result = comparison.shape.result
      .unwrap()
      .parse(JSON.parse(await runInProcess(compare, ...flags(), ...data, '--json')))
    expect(result).toMatchObject({ n: 90, adapters: [{ name: 'lora-4' }, { name: 'prompt' }] })
    for (const [i, dir] of checkpoints.entries()) {
      const single = JSON.parse(await runInProcess(evaluate, '--checkpoint', dir, ...data, '--json'))
      const { accuracy, interval, f1, ece } = single
      expect(result.adapters[i]).toMatchObject({ accuracy, interval, f1, ece })
    }
  })

  test('prints the verdict first, then its evidence', async () => {
    const lines = (await runInProcess(compare, ...flags(), ...data)).split('\n')
    expect(lines[0]).toMatch(/is better: |^cannot tell: /)
    expect(lines[2]).toBe('90 reviews, classified by each adapter:')
    for (const start of ['adapter ', 'lora-4 ', 'prompt ', 'lora-4, prompt ', 'label ', 'review '])
      expect(lines.filter((line) => line.startsWith(start)).length, start).toBeGreaterThan(0)
  })

  test('requires two adapters or more, each once, and rejects flags that would have no effect', async () => {
    const [dir] = checkpoints
    for (const [args, subject, said] of [
      [[], '--checkpoint', 'none'],
      [['--checkpoint', dir], '--checkpoint', '2 to 8 adapters'],
      [['--checkpoint', dir, '--checkpoint', `${dir}/`], '--checkpoint', 'twice'],
      [['--checkpoint', dir, '--adapter', 'a', '--adapter', 'b'], '--adapter', 'combined with --checkpoint'],
      [['--adapter', 'a', '--adapter', 'b', '--base', 'x'], '--base', 'combined with --adapter'],
    ] as const)
      await expectError(runInProcess(compare, ...args, ...data), 'usage', subject, said)
  })
})

describe('graft predict', () => {
  const flags = () => checkpoints.flatMap((dir) => ['--checkpoint', dir])

  test('--json prints a list per text, with one result per adapter, and the digests of their weights', async () => {
    const texts = ['A joy from start to finish.', 'Two hours I want back.']
    const answer = predicted.parse(JSON.parse(await runInProcess(predict, ...flags(), ...texts, '--json')))
    expect(answer.adapters.map(({ adapter }) => adapter)).toEqual(['lora-4', 'prompt'])
    expect(answer.results.map((row) => row.length)).toEqual([2, 2])
    expect(answer.results[0][0]).not.toEqual(answer.results[0][1])
  })

  test('classifies the texts of a file in their order', async () => {
    const printed = await runInProcess(predict, '--checkpoint', checkpoints[0], '--data', samples('test'), '--json')
    const { results } = predicted.parse(JSON.parse(printed))
    const texts = readJsonLines<{ text: string }>(samples('test')).map(({ text }) => text)
    expect(results).toHaveLength(texts.length)
    const last = predicted.parse(
      JSON.parse(await runInProcess(predict, '--checkpoint', checkpoints[0], texts[89], '--json')),
    )
    expect(results[89][0]).toMatchObject({ label: (last.results[0][0] as { label: string }).label })
  })

  test('prints a line for each text and adapter, and the error of an invalid text in its line', async () => {
    const lines = (await runInProcess(predict, ...flags(), 'A joy.', ' ')).trimEnd().split('\n')
    expect(lines).toHaveLength(5)
    expect(lines[1]).toMatch(/^(positive|negative) +0\.\d{4} +lora-4 +A joy\.$/)
    expect(lines[3]).toMatch(/^error +- +lora-4 +.*words/)
  })
})

describe('graft probe', () => {
  test('writes the requested file and prints its name', async () => {
    const out = join(checkpoints[0], '..', 'probe.safetensors')
    const args = ['--base', parityPath('tiny-t5'), '--inputs', parityPath('inputs.json'), '--out', out]
    expect(JSON.parse(await runInProcess(probe, ...args, '--json'))).toEqual({ out })
    const { tensors } = await readTensorFile(out)
    expect(tensors.get('a.logits')?.shape).toEqual([3, 2, 384])
  })
})

describe('an error', () => {
  test('with --json is one document on stdout, and otherwise three lines on stderr', async () => {
    const [asJson, asText] = await Promise.all([
      graft('evaluate', '--checkpoint', 'nowhere', '--data', 'x', '--json'),
      graft('evaluate', '--checkpoint', 'nowhere', '--data', 'x'),
    ])
    expect(asJson.code).toBe(2)
    expect(JSON.parse(asJson.stdout)).toEqual({
      error: {
        code: 'file_missing',
        title: 'No such file or folder',
        status: 404,
        subject: 'nowhere',
        problem: 'does not exist',
        fix: 'Check the path.',
      },
    })
    expect(asText).toMatchObject({ code: 2, stdout: '' })
    expect(asText.stderr).toMatch(/No such file or folder\.\n {2}nowhere does not exist\.\n {2}Check the path\.\n$/)
  })

  test('of the work itself exits with 1', async () => {
    const out = freshPath('diverged')
    const hot = ['--method', 'full', '--learning-rate', '1e38', '--steps', '5', '--batch-tokens', '256']
    const { code, stderr } = await graft('train', '--data', samples('train'), '--out', out, '--threads', '1', ...hot)
    expect(code, stderr).toBe(1)
    expect(stderr).toMatch(/diverged/)
    for (const path of [out, `${out}.training`]) expect(existsSync(path), path).toBe(false)
  })

  test('for an unknown command exits with 2 and lists the commands', async () => {
    const { code, stderr, stdout } = await graft('trian')
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(
      'one of quickstart, train, pretrain, evaluate, compare, sweep, reproduce, predict, inspect, export, parameters',
    )
    expect(stderr).toContain('Did you mean train?')
  })

  test('is not reported if the reader of the output closes it early', async () => {
    const run = startGraft(['train', '--help'], {}, { closesStdout: true })
    expect(await run.exited).toMatchObject({ code: 0, stderr: '' })
  })
})
