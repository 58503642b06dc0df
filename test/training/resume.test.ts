import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { TrainingSpec } from '../../training/spec.ts'
import { readSavedSpec } from '../../training/state/state-folder.ts'
import { train } from '../../training/train.ts'
import { expectError, freshPath } from '../checkpoint/helpers.ts'
import { makeReviews, runTraining, tinySpec, weightsOf, writeReviews } from './tiny.ts'

const data = writeReviews(makeReviews(80))

/** Returns a specification of twelve steps with dropout, each of two micro-batches, in several epochs. */
const tiny = (fields: object = {}) =>
  tinySpec({ data, steps: 12, threads: 1, dropout: 0.1, test: undefined, ...fields })

const stateOf = ({ out }: TrainingSpec) => `${out}.training`
const statesOf = (spec: TrainingSpec) =>
  readdirSync(stateOf(spec))
    .filter((name) => name.startsWith('step-'))
    .sort()

const ownerPath = (spec: TrainingSpec) => join(stateOf(spec), 'owner.pid')

/** Returns the name of a process in `owner.pid`. */
function nameOf(pid: number): string {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return `${pid} ${fields[19]}`
}

/** Trains until a step, and interrupts. */
async function interruptAt(stopAt: number, fields: object = {}): Promise<TrainingSpec> {
  const spec = tiny(fields)
  const { result, events } = await runTraining(spec, { stopAt })
  expect(result).toBeUndefined()
  expect(events.at(-1)).toEqual({ type: 'saved', step: stopAt, folder: stateOf(spec) })
  expect(existsSync(spec.out)).toBe(false)
  return spec
}

let uninterrupted: { weights: Buffer; curve: unknown; loss?: number }

beforeAll(async () => {
  const spec = tiny()
  const { result } = await runTraining(spec)
  uninterrupted = { weights: weightsOf(spec.out), curve: result?.curve, loss: result?.loss }
})

/** Resumes a training to its end, and compares it with one that was never interrupted. */
async function expectSameEnd(spec: TrainingSpec): Promise<void> {
  const { result } = await runTraining(spec, { resume: true })
  expect(result).toMatchObject({ steps: 12, curve: uninterrupted.curve, loss: uninterrupted.loss })
  expect(weightsOf(spec.out).equals(uninterrupted.weights)).toBe(true)
  expect(existsSync(stateOf(spec))).toBe(false)
}

describe('an interrupted training ends with the same bytes as one that was never interrupted', () => {
  test.each([1, 5, 11])('after step %d', async (step) => {
    await expectSameEnd(await interruptAt(step))
  })

  test('after several interrupts, with other numbers of threads and other intervals between states', async () => {
    const spec = await interruptAt(2)
    expect((await runTraining({ ...spec, threads: 2 }, { resume: true, stopAt: 3 })).result).toBeUndefined()
    expect((await runTraining({ ...spec, save_seconds: 1e-3 }, { resume: true, stopAt: 9 })).result).toBeUndefined()
    await expectSameEnd({ ...spec, threads: 3 })
  })

  test('on rounded weights', async () => {
    const fields = { precision: 'int8-frozen' }
    const whole = tiny(fields)
    await runTraining(whole)
    const spec = await interruptAt(5, fields)
    await runTraining({ ...spec, threads: 2 }, { resume: true })
    expect(weightsOf(spec.out).equals(weightsOf(whole.out))).toBe(true)
  })

  test('on a machine with other paths of data and base, because only their contents matter', async () => {
    const fields = tinySpec()
    const interrupted = tinySpec({ steps: 12, out: freshPath('moved') })
    await runTraining(interrupted, { stopAt: 5 })
    const base = freshPath('base')
    cpSync(fields.base as string, base, { recursive: true })
    const [data, test] = [freshPath('train'), freshPath('test')]
    cpSync(fields.data, data)
    cpSync(fields.test as string, test)
    const out = freshPath('elsewhere')
    cpSync(`${interrupted.out}.training`, `${out}.training`, { recursive: true })
    const { result } = await runTraining({ ...interrupted, base, data, test, out }, { resume: true })
    expect(result?.steps).toBe(12)
    const whole = tinySpec({ steps: 12 })
    await runTraining(whole)
    expect(weightsOf(out).equals(weightsOf(whole.out))).toBe(true)
  })

  test('and spends little time on saving, however short the interval', async () => {
    const { events } = await runTraining(
      tinySpec({ steps: 100, batch_tokens: 400, save_seconds: 1e-6, test: undefined }),
    )
    const saved = events.filter(({ type }) => type === 'saved').length
    expect(saved).toBeGreaterThan(1)
    expect(saved).toBeLessThan(50)
  })

  test('even if it was killed after it wrote its checkpoint and before it removed its state', async () => {
    const spec = await interruptAt(11)
    const backup = `${stateOf(spec)}.backup`
    cpSync(stateOf(spec), backup, { recursive: true })
    await expectSameEnd(spec)
    renameSync(backup, stateOf(spec))
    await expectSameEnd(spec)
  })

  test('if it is interrupted before its first step', async () => {
    const spec = tiny()
    expect(await train(spec, () => {}, AbortSignal.abort(), false)).toBeUndefined()
    expect(statesOf(spec)).toEqual(['step-00000000'])
    await expectSameEnd(spec)
  })

  test('also in full fine-tuning, whose state is the whole model', async () => {
    const fields = { method: 'full', steps: 4 }
    const whole = tiny(fields)
    await runTraining(whole)
    const spec = await interruptAt(2, fields)
    await runTraining(spec, { resume: true })
    expect(weightsOf(spec.out).equals(weightsOf(whole.out))).toBe(true)
  })

  test('if the newest state is incomplete, because it continues from the one before', async () => {
    const spec = await interruptAt(4)
    await runTraining(spec, { resume: true, stopAt: 8 })
    expect(statesOf(spec)).toHaveLength(2)
    truncateSync(join(stateOf(spec), 'step-00000008', 'v.f32'), 100)
    await expectSameEnd(spec)
  })

  test('if it was killed while it saved a state', async () => {
    const spec = await interruptAt(6)
    renameSync(join(stateOf(spec), 'step-00000006'), join(stateOf(spec), 'step-00000006.partial'))
    await expectSameEnd(spec)
  })
})

describe('a training does not continue from a saved state', () => {
  let spec: TrainingSpec
  beforeAll(async () => {
    spec = await interruptAt(1)
  })

  test('without --resume; the error names the command that does', async () => {
    await expectError(runTraining(spec), 'output_exists', stateOf(spec), 'graft train --resume --out')
  })

  test.each([
    ['another seed', { seed: 1 }],
    ['another learning rate', { learning_rate: 1e-4 }],
    ['another rank', { method: { method: 'lora', rank: 4, alpha: 16, targets: ['q', 'v'], rslora: false } }],
    ['another number of steps', { steps: 13 }],
    ['no dropout', { dropout: 0 }],
  ])('with %s', async (_, changed) => {
    await expectError(runTraining({ ...spec, ...changed }, { resume: true }), 'state_mismatch', stateOf(spec))
  })

  test.runIf(process.platform === 'linux')('while another process trains there', async () => {
    writeFileSync(ownerPath(spec), nameOf(process.ppid))
    await expectError(runTraining(spec, { resume: true }), 'state_mismatch', `process ${process.ppid}`)
    expect(readFileSync(ownerPath(spec), 'utf8')).toBe(nameOf(process.ppid))
    rmSync(ownerPath(spec))
  })

  test('but the state stays intact', () => expectSameEnd(spec))

  test('with other reviews in the file', async () => {
    const path = writeReviews(makeReviews(80))
    const spec = await interruptAt(1, { data: path })
    writeReviews(makeReviews(80, 9), path)
    await expectError(runTraining(spec, { resume: true }), 'state_mismatch', stateOf(spec))
    writeReviews(makeReviews(80), path)
    await expectSameEnd(spec)
  })

  test('that cannot be read, if there is no other', async () => {
    const spec = await interruptAt(1)
    rmSync(join(stateOf(spec), 'step-00000001', 'm.f32'))
    await expectError(runTraining(spec, { resume: true }), 'checkpoint_corrupt', stateOf(spec), 'Remove the folder')
  })

  test('of an earlier training whose folder was only partly removed', async () => {
    const spec = await interruptAt(3)
    rmSync(join(stateOf(spec), 'training.json'))
    const { events } = await runTraining(spec)
    expect(events.find((event) => event.type === 'step')).toMatchObject({ step: 1 })
    expect(weightsOf(spec.out).equals(uninterrupted.weights)).toBe(true)
  })
})

describe('the settings of an interrupted training', () => {
  test('are the settings that it started with', async () => {
    const spec = await interruptAt(1)
    expect(readSavedSpec(spec.out)).toEqual(JSON.parse(JSON.stringify(spec)))
  })

  test('are an error if there is no such training', async () => {
    const out = freshPath('nothing')
    const read = async () => readSavedSpec(out)
    await expectError(read(), 'file_missing', `${out}.training`, '--resume')
    expect(existsSync(`${out}.training`)).toBe(false)
  })

  test('are an error if their file is damaged', async () => {
    const spec = await interruptAt(1)
    truncateSync(join(stateOf(spec), 'training.json'), 40)
    const read = async () => readSavedSpec(spec.out)
    await expectError(read(), 'checkpoint_corrupt', 'training.json')
    await expectError(runTraining(spec, { resume: true }), 'checkpoint_corrupt', 'training.json')
  })
})

describe('a state folder is free', () => {
  test.runIf(process.platform === 'linux').each([
    ['the process that trained there has exited', () => '999999999 1'],
    ['that process has exited and another process has its number', () => `${process.ppid} 1`],
    ['that process left no name', () => ''],
  ])('if %s', async (_, name) => {
    const spec = await interruptAt(1)
    expect(existsSync(ownerPath(spec))).toBe(false)
    writeFileSync(ownerPath(spec), name())
    expect((await runTraining(spec, { resume: true, stopAt: 2 })).events.at(-1)).toMatchObject({
      type: 'saved',
      step: 2,
    })
  })
})
