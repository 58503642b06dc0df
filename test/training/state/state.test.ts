import { existsSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { clearStates, hasState, loadState, type Progress, saveState } from '../../../training/state/state.ts'
import type { Moments } from '../../../training/step/optimizer.ts'
import { expectError, freshPath } from '../../checkpoint/helpers.ts'

const progressAt = (step: number): Progress => ({
  step,
  reviews: 10 * step,
  seconds: step / 3,
  loss: 1 / (step + 1),
  curve: [{ step, loss: 0.5 }],
})
const momentsAt = (step: number, length = 1000): Moments => ({
  theta: Float32Array.from({ length }, (_, i) => i + step),
  m: Float32Array.from({ length }, (_, i) => -i * step),
  v: Float32Array.from({ length }, (_, i) => 1 / (i + 1) + step),
})
const empty = (length = 1000): Moments => momentsAt(Number.NaN, length)

/** A folder with states of these steps, saved one after the other. */
function saved(...steps: number[]): string {
  const folder = freshPath('states')
  for (const step of steps) saveState(folder, progressAt(step), momentsAt(step))
  return folder
}

function expectState(folder: string, step: number): void {
  const vectors = empty()
  expect(loadState(folder, vectors)).toEqual(progressAt(step))
  expect(vectors).toEqual(momentsAt(step))
}

test('a state comes back whole: vectors and progress', () => {
  expectState(saved(7), 7)
})

test('the newest is read, of any number of digits', () => {
  expectState(saved(9, 10, 100), 100)
})

test('two are kept, and nothing else', () => {
  expect(readdirSync(saved(1, 2, 3, 12)).sort()).toEqual(['step-00000003', 'step-00000012'])
})

test('where none was saved there is none', () => {
  const folder = freshPath('states')
  expect(hasState(folder)).toBe(false)
  expect(loadState(folder, empty())).toBeUndefined()
  mkdirSync(folder, { recursive: true })
  expect(loadState(folder, empty())).toBeUndefined()
})

test('saving the same step again replaces it', () => {
  const folder = saved(5)
  saveState(folder, { ...progressAt(5), seconds: 99 }, momentsAt(5))
  expect(loadState(folder, empty())?.seconds).toBe(99)
  expect(readdirSync(folder)).toEqual(['step-00000005'])
})

test('a state that is a part of a larger vector is saved and read as that part', () => {
  const folder = freshPath('states')
  const { theta, m, v } = momentsAt(4, 1200)
  const part = { theta: theta.subarray(100, 1100), m: m.subarray(100, 1100), v: v.subarray(100, 1100) }
  saveState(folder, progressAt(4), part)
  const vectors = empty()
  loadState(folder, vectors)
  expect(vectors).toEqual({ theta: part.theta.slice(), m: part.m.slice(), v: part.v.slice() })
})

describe('a state that was torn', () => {
  const damages: [string, (state: string) => void][] = [
    ['a vector cut off', (state) => truncateSync(join(state, 'm.f32'), 3996)],
    ['an empty vector', (state) => truncateSync(join(state, 'theta.f32'), 0)],
    ['a vector that is too long', (state) => writeFileSync(join(state, 'v.f32'), new Uint8Array(4004))],
    ['a vector missing', (state) => rmSync(join(state, 'v.f32'))],
    ['a cut progress', (state) => truncateSync(join(state, 'progress.json'), 20)],
    ['an empty progress', (state) => truncateSync(join(state, 'progress.json'), 0)],
    ['no progress', (state) => rmSync(join(state, 'progress.json'))],
    [
      'nothing in it',
      (state) => {
        rmSync(state, { recursive: true })
        mkdirSync(state)
      },
    ],
  ]

  test.each(damages)('(%s) is passed over for the one before it', (_, damage) => {
    const folder = saved(3, 6)
    damage(join(folder, 'step-00000006'))
    expectState(folder, 3)
  })

  test.each(damages)('(%s) is refused where it is the only one', async (_, damage) => {
    const folder = saved(3)
    damage(join(folder, 'step-00000003'))
    const loaded = async () => loadState(folder, empty())
    await expectError(loaded(), 'checkpoint_corrupt', folder, 'Remove the folder')
  })

  test('gives way to the next that is saved, and the one that was whole stays', () => {
    const folder = saved(3, 9)
    truncateSync(join(folder, 'step-00000009', 'm.f32'), 8)
    saveState(folder, progressAt(6), momentsAt(6))
    expect(readdirSync(folder).sort()).toEqual(['step-00000003', 'step-00000006'])
  })

  test('while it was being written is not read, and goes with the next that is saved', () => {
    const folder = saved(3)
    mkdirSync(join(folder, 'step-00000005.partial'))
    writeFileSync(join(folder, 'step-00000005.partial', 'theta.f32'), new Uint8Array(100))
    expectState(folder, 3)
    saveState(folder, progressAt(7), momentsAt(7))
    expect(readdirSync(folder).sort()).toEqual(['step-00000003', 'step-00000007'])
  })
})

test('a state of other sizes is not read', async () => {
  const loaded = async () => loadState(saved(3), empty(999))
  await expectError(loaded(), 'checkpoint_corrupt', 'more of 3996 bytes')
})

test('clearing removes every state, and nothing else', () => {
  const folder = saved(3, 6)
  mkdirSync(join(folder, 'step-00000009.partial'))
  writeFileSync(join(folder, 'training.json'), '{}')
  clearStates(folder)
  expect(readdirSync(folder)).toEqual(['training.json'])
  expect(existsSync(folder)).toBe(true)
})
