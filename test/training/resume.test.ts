import { existsSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { TrainingSpec } from '../../training/spec.ts'
import { savedSpec } from '../../training/state-folder.ts'
import { expectError, freshPath } from '../checkpoint/helpers.ts'
import { reviews, run, tinySpec, weightsOf, writeReviews } from './tiny.ts'

/** Twelve steps of two micro-batches with dropout, over more than four epochs. */
const tiny = (fields: object = {}) => tinySpec({ steps: 12, dropout: 0.1, test: undefined, ...fields })

const stateOf = ({ out }: TrainingSpec) => `${out}.training`
const statesOf = (spec: TrainingSpec) =>
  readdirSync(stateOf(spec))
    .filter((name) => name.startsWith('step-'))
    .sort()

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
    expect((await run({ ...spec, threads: 1 }, { resume: true, stopAt: 3 })).result).toBeUndefined()
    expect((await run({ ...spec, save_seconds: 1e-3 }, { resume: true, stopAt: 9 })).result).toBeUndefined()
    await expectSameEnd({ ...spec, threads: 3 })
  })

  test('before its first step', async () => {
    const spec = tiny()
    const { train } = await import('../../training/train.ts')
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
  test('without being asked: the command that does is named', async () => {
    const spec = await stopped(1)
    await expectError(run(spec), 'output_exists', `${spec.out}.training`, 'graft train --resume --out')
    await expectSameEnd(spec)
  })

  test.each([
    ['another seed', { seed: 1 }],
    ['another learning rate', { learning_rate: 1e-4 }],
    ['another rank', { method: { method: 'lora', rank: 4, alpha: 16, targets: ['q', 'v'], rslora: false } }],
    ['another number of steps', { steps: 13 }],
    ['no dropout', { dropout: 0 }],
  ])('with %s', async (_, changed) => {
    const spec = await stopped(1)
    await expectError(run({ ...spec, ...changed }, { resume: true }), 'state_mismatch', stateOf(spec))
    expect(statesOf(spec)).toEqual(['step-00000001'])
  })

  test('with other reviews in the same file', async () => {
    const data = writeReviews(reviews(120))
    const spec = await stopped(1, { data })
    writeReviews(reviews(120, 9), data)
    await expectError(run(spec, { resume: true }), 'state_mismatch', stateOf(spec))
    writeReviews(reviews(120), data)
    expect((await run(spec, { resume: true })).result?.steps).toBe(12)
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

describe('a folder in which another process trains', () => {
  const owner = (spec: TrainingSpec) => join(stateOf(spec), 'owner.pid')
  /** A process as the folder names it. */
  const nameOf = (pid: number) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
    return `${pid} ${fields[19]}`
  }

  test.runIf(process.platform === 'linux')('is refused, and left as it is', async () => {
    const spec = await stopped(1)
    writeFileSync(owner(spec), nameOf(process.ppid))
    await expectError(run(spec, { resume: true }), 'state_mismatch', `process ${process.ppid}`)
    expect(readFileSync(owner(spec), 'utf8')).toBe(nameOf(process.ppid))
    expect(statesOf(spec)).toEqual(['step-00000001'])
  })

  test.runIf(process.platform === 'linux').each([
    ['is gone', () => '999999999 1'],
    ['is gone, and whose number another process has now', () => `${process.ppid} 1`],
    ['left no name', () => ''],
  ])('is free when that process %s', async (_, name) => {
    const spec = await stopped(1)
    writeFileSync(owner(spec), name())
    await expectSameEnd(spec)
  })

  test('is free when that process was interrupted', async () => {
    expect(existsSync(owner(await stopped(1)))).toBe(false)
  })
})
