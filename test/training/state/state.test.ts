import { existsSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hasState, loadState, type Progress, removeStates, saveState } from '../../../training/state/state.ts'
import type { TrainingVectors } from '../../../training/step/optimizer.ts'
import { expectError, freshPath } from '../../checkpoint/helpers.ts'

const progressAt = (step: number): Progress => ({
  step,
  reviews: 10 * step,
  seconds: step / 3,
  loss: 1 / (step + 1),
  curve: [{ step, loss: 0.5 }],
})
const vectorsAt = (step: number, length = 1000): TrainingVectors => ({
  theta: Float32Array.from({ length }, (_, i) => i + step),
  m: Float32Array.from({ length }, (_, i) => -i * step),
  v: Float32Array.from({ length }, (_, i) => 1 / (i + 1) + step),
})
const emptyVectors = (length = 1000): TrainingVectors => vectorsAt(Number.NaN, length)

/** Saves states of these steps, one after the other, and returns their folder. */
function saveStates(...steps: number[]): string {
  const folder = freshPath('states')
  for (const step of steps) saveState(folder, progressAt(step), vectorsAt(step))
  return folder
}

function expectState(folder: string, step: number): void {
  const vectors = emptyVectors()
  expect(loadState(folder, vectors)).toEqual(progressAt(step))
  expect(vectors).toEqual(vectorsAt(step))
}

test('loading a state restores the vectors and the progress', () => {
  expectState(saveStates(7), 7)
})

test('the newest state is loaded, whatever its number of digits', () => {
  expectState(saveStates(9, 10, 100), 100)
})

test('the two newest states are kept, and nothing else', () => {
  expect(readdirSync(saveStates(1, 2, 3, 12)).sort()).toEqual(['step-00000003', 'step-00000012'])
})

test('a folder without states has no state to load', () => {
  const folder = freshPath('states')
  expect(hasState(folder)).toBe(false)
  expect(loadState(folder, emptyVectors())).toBeUndefined()
  mkdirSync(folder, { recursive: true })
  expect(loadState(folder, emptyVectors())).toBeUndefined()
})

test('saving the same step again replaces it', () => {
  const folder = saveStates(5)
  saveState(folder, { ...progressAt(5), seconds: 99 }, vectorsAt(5))
  expect(loadState(folder, emptyVectors())?.seconds).toBe(99)
  expect(readdirSync(folder)).toEqual(['step-00000005'])
})

test('vectors that are parts of larger vectors are saved and loaded as those parts', () => {
  const folder = freshPath('states')
  const { theta, m, v } = vectorsAt(4, 1200)
  const part = { theta: theta.subarray(100, 1100), m: m.subarray(100, 1100), v: v.subarray(100, 1100) }
  saveState(folder, progressAt(4), part)
  const vectors = emptyVectors()
  loadState(folder, vectors)
  expect(vectors).toEqual({ theta: part.theta.slice(), m: part.m.slice(), v: part.v.slice() })
})

describe('a damaged state', () => {
  const damages: [string, (state: string) => void][] = [
    ['with a truncated vector', (state) => truncateSync(join(state, 'm.f32'), 3996)],
    ['with an empty vector', (state) => truncateSync(join(state, 'theta.f32'), 0)],
    ['with a vector that is too long', (state) => writeFileSync(join(state, 'v.f32'), new Uint8Array(4004))],
    ['without a vector', (state) => rmSync(join(state, 'v.f32'))],
    ['with truncated progress', (state) => truncateSync(join(state, 'progress.json'), 20)],
    ['with an empty progress file', (state) => truncateSync(join(state, 'progress.json'), 0)],
    ['without progress', (state) => rmSync(join(state, 'progress.json'))],
    [
      'without any file',
      (state) => {
        rmSync(state, { recursive: true })
        mkdirSync(state)
      },
    ],
  ]

  test.each(damages)('%s is skipped, and the one before it is loaded', (_, damage) => {
    const folder = saveStates(3, 6)
    damage(join(folder, 'step-00000006'))
    expectState(folder, 3)
  })

  test.each(damages)('%s is an error if it is the only one', async (_, damage) => {
    const folder = saveStates(3)
    damage(join(folder, 'step-00000003'))
    const load = async () => loadState(folder, emptyVectors())
    await expectError(load(), 'checkpoint_corrupt', folder, 'Remove the folder')
  })

  test('is removed when the next state is saved, and the complete one stays', () => {
    const folder = saveStates(3, 9)
    truncateSync(join(folder, 'step-00000009', 'm.f32'), 8)
    saveState(folder, progressAt(6), vectorsAt(6))
    expect(readdirSync(folder).sort()).toEqual(['step-00000003', 'step-00000006'])
  })

  test('that was not completely written is not loaded, and is removed when the next state is saved', () => {
    const folder = saveStates(3)
    mkdirSync(join(folder, 'step-00000005.partial'))
    writeFileSync(join(folder, 'step-00000005.partial', 'theta.f32'), new Uint8Array(100))
    expectState(folder, 3)
    saveState(folder, progressAt(7), vectorsAt(7))
    expect(readdirSync(folder).sort()).toEqual(['step-00000003', 'step-00000007'])
  })
})

test('a state whose vectors have another size is an error', async () => {
  const load = async () => loadState(saveStates(3), emptyVectors(999))
  await expectError(load(), 'checkpoint_corrupt', 'more than 3996 bytes')
})

test('removing the states leaves the other files', () => {
  const folder = saveStates(3, 6)
  mkdirSync(join(folder, 'step-00000009.partial'))
  writeFileSync(join(folder, 'training.json'), '{}')
  removeStates(folder)
  expect(readdirSync(folder)).toEqual(['training.json'])
  expect(existsSync(folder)).toBe(true)
})
