import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { TrainingSpec } from '../../training/spec.ts'
import { savedSpec } from '../../training/state/state-folder.ts'
import { train } from '../../training/train.ts'
import { expectError, freshPath } from '../checkpoint/helpers.ts'
import { reviews, run, tinySpec, weightsOf, writeReviews } from './tiny.ts'

const data = writeReviews(reviews(80))

/** Twelve steps of two micro-batches with dropout, over several epochs. */
const tiny = (fields: object = {}) =>
  tinySpec({ data, steps: 12, threads: 1, dropout: 0.1, test: undefined, ...fields })

const stateOf = ({ out }: TrainingSpec) => `${out}.training`
const statesOf = (spec: TrainingSpec) =>
  readdirSync(stateOf(spec))
    .filter((name) => name.startsWith('step-'))
    .sort()

const owner = (spec: TrainingSpec) => join(stateOf(spec), 'owner.pid')

/** A process as the folder names it. */
function nameOf(pid: number): string {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return `${pid} ${fields[19]}`
}

/** A training that was interrupted after a step. */
async function stopped(stopAt: number, fields: object = {}): Promise<TrainingSpec> {
  const spec = tiny(fields)
  const { result, events } = await run(spec, { stopAt })
  expect(result).toBeUndefined()
  expect(events.at(-1)).toEqual({ type: 'saved', step: stopAt, folder: stateOf(spec) })
  expect(existsSync(spec.out)).toBe(false)
  return spec
}

let undisturbed: { weights: Buffer; curve: unknown; loss?: number }

beforeAll(async () => {
  const spec = tiny()
  const { result } = await run(spec)
  undisturbed = { weights: weightsOf(spec.out), curve: result?.curve, loss: result?.loss }
})

/** Goes on to the end, and compares with the training that nothing disturbed. */
async function expectSameEnd(spec: TrainingSpec): Promise<void> {
  const { result } = await run(spec, { resume: true })
  expect(result).toMatchObject({ steps: 12, curve: undisturbed.curve, loss: undisturbed.loss })
  expect(weightsOf(spec.out).equals(undisturbed.weights)).toBe(true)
  expect(existsSync(stateOf(spec))).toBe(false)
}

describe('a training that was interrupted ends with the bytes of one that was not', () => {
  test.each([1, 5, 11])('after step %d', async (step) => {
    await expectSameEnd(await stopped(step))
  })

  test('again and again, with other numbers of threads and other times between two states', async () => {
    const spec = await stopped(2)
    expect((await run({ ...spec, threads: 2 }, { resume: true, stopAt: 3 })).result).toBeUndefined()
    expect((await run({ ...spec, save_seconds: 1e-3 }, { resume: true, stopAt: 9 })).result).toBeUndefined()
    await expectSameEnd({ ...spec, threads: 3 })
  })

  test('on a machine that keeps the data and the base elsewhere: what they hold decides', async () => {
    const fields = tinySpec()
    const stopped = tinySpec({ steps: 12, out: freshPath('moved') })
    await run(stopped, { stopAt: 5 })
    const base = freshPath('base')
    cpSync(fields.base as string, base, { recursive: true })
    const [data, test] = [freshPath('train'), freshPath('test')]
    cpSync(fields.data, data)
    cpSync(fields.test as string, test)
    const out = freshPath('elsewhere')
    cpSync(`${stopped.out}.training`, `${out}.training`, { recursive: true })
    const { result } = await run({ ...stopped, base, data, test, out }, { resume: true })
    expect(result?.steps).toBe(12)
    const undisturbed = tinySpec({ steps: 12 })
    await run(undisturbed)
    expect(weightsOf(out).equals(weightsOf(undisturbed.out))).toBe(true)
  })

  test('and saves only now and then, however often it is asked to: it is there to train', async () => {
    const { events } = await run(tinySpec({ steps: 100, batch_tokens: 400, save_seconds: 1e-6, test: undefined }))
    const saved = events.filter(({ type }) => type === 'saved').length
    expect(saved).toBeGreaterThan(1)
    expect(saved).toBeLessThan(50)
  })

  test('even killed after its checkpoint was written, before its state was removed', async () => {
    const spec = await stopped(11)
    const kept = `${stateOf(spec)}.kept`
    cpSync(stateOf(spec), kept, { recursive: true })
    await expectSameEnd(spec)
    renameSync(kept, stateOf(spec))
    await expectSameEnd(spec)
  })

  test('before its first step', async () => {
    const spec = tiny()
    expect(await train(spec, () => {}, AbortSignal.abort(), false)).toBeUndefined()
    expect(statesOf(spec)).toEqual(['step-00000000'])
    await expectSameEnd(spec)
  })

  test('and of full fine-tuning, whose state is the whole model', async () => {
    const fields = { method: 'full', steps: 4 }
    const whole = tiny(fields)
    await run(whole)
    const spec = await stopped(2, fields)
    await run(spec, { resume: true })
    expect(weightsOf(spec.out).equals(weightsOf(whole.out))).toBe(true)
  })

  test('where the newest state was torn: it goes on from the one before it', async () => {
    const spec = await stopped(4)
    await run(spec, { resume: true, stopAt: 8 })
    expect(statesOf(spec)).toHaveLength(2)
    truncateSync(join(stateOf(spec), 'step-00000008', 'v.f32'), 100)
    await expectSameEnd(spec)
  })

  test('where a state was being written', async () => {
    const spec = await stopped(6)
    renameSync(join(stateOf(spec), 'step-00000006'), join(stateOf(spec), 'step-00000006.partial'))
    await expectSameEnd(spec)
  })
})

describe('a saved state is not gone on from', () => {
  let spec: TrainingSpec
  beforeAll(async () => {
    spec = await stopped(1)
  })

  test('without being asked: the command that does is named', async () => {
    await expectError(run(spec), 'output_exists', stateOf(spec), 'graft train --resume --out')
  })

  test.each([
    ['another seed', { seed: 1 }],
    ['another learning rate', { learning_rate: 1e-4 }],
    ['another rank', { method: { method: 'lora', rank: 4, alpha: 16, targets: ['q', 'v'], rslora: false } }],
    ['another number of steps', { steps: 13 }],
    ['no dropout', { dropout: 0 }],
  ])('with %s', async (_, changed) => {
    await expectError(run({ ...spec, ...changed }, { resume: true }), 'state_mismatch', stateOf(spec))
  })

  test.runIf(process.platform === 'linux')('while another process trains there', async () => {
    writeFileSync(owner(spec), nameOf(process.ppid))
    await expectError(run(spec, { resume: true }), 'state_mismatch', `process ${process.ppid}`)
    expect(readFileSync(owner(spec), 'utf8')).toBe(nameOf(process.ppid))
    rmSync(owner(spec))
  })

  test('and yet is none the worse for having been refused', () => expectSameEnd(spec))

  test('with other reviews in the same file', async () => {
    const mine = writeReviews(reviews(80))
    const spec = await stopped(1, { data: mine })
    writeReviews(reviews(80, 9), mine)
    await expectError(run(spec, { resume: true }), 'state_mismatch', stateOf(spec))
    writeReviews(reviews(80), mine)
    await expectSameEnd(spec)
  })

  test('where none can be read', async () => {
    const spec = await stopped(1)
    rmSync(join(stateOf(spec), 'step-00000001', 'm.f32'))
    await expectError(run(spec, { resume: true }), 'checkpoint_corrupt', stateOf(spec), 'Remove the folder')
  })

  test('of an earlier training, whose folder was half removed', async () => {
    const spec = await stopped(3)
    rmSync(join(stateOf(spec), 'training.json'))
    const { events } = await run(spec)
    expect(events.find((event) => event.type === 'step')).toMatchObject({ step: 1 })
    expect(weightsOf(spec.out).equals(undisturbed.weights)).toBe(true)
  })
})

describe('the settings of an interrupted training', () => {
  test('are those that it began with', async () => {
    const spec = await stopped(1)
    expect(savedSpec(spec.out)).toEqual(JSON.parse(JSON.stringify(spec)))
  })

  test('are missed by name where there is no such training', async () => {
    const out = freshPath('nothing')
    const read = async () => savedSpec(out)
    await expectError(read(), 'file_missing', `${out}.training`, '--resume')
    expect(existsSync(`${out}.training`)).toBe(false)
  })

  test('are refused where their file is damaged', async () => {
    const spec = await stopped(1)
    truncateSync(join(stateOf(spec), 'training.json'), 40)
    const read = async () => savedSpec(spec.out)
    await expectError(read(), 'checkpoint_corrupt', 'training.json')
    await expectError(run(spec, { resume: true }), 'checkpoint_corrupt', 'training.json')
  })
})

describe('a folder in which another process trained', () => {
  test.runIf(process.platform === 'linux').each([
    ['is gone', () => '999999999 1'],
    ['is gone, and whose number another process has now', () => `${process.ppid} 1`],
    ['left no name', () => ''],
  ])('is free when that process %s', async (_, name) => {
    const spec = await stopped(1)
    expect(existsSync(owner(spec))).toBe(false)
    writeFileSync(owner(spec), name())
    expect((await run(spec, { resume: true, stopAt: 2 })).events.at(-1)).toMatchObject({ type: 'saved', step: 2 })
  })
})
