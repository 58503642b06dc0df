import { expect, test } from 'vitest'
import { loadBase } from '../../../checkpoint/base.ts'
import { embeddedBase } from '../../../checkpoint/embedded-base.ts'
import { choosePrecision } from '../../../platform/offline/choose-precision.ts'
import { compareProbabilities, measureDrift } from '../../../platform/offline/drift.ts'
import type { Drift } from '../../../platform/schemas/precisions.ts'
import { expectError } from '../../checkpoint/helpers.ts'

const drift = (changes: Partial<Drift>): Drift => ({
  texts: 100,
  largest_change: 0.01,
  mean_change: 0.001,
  flipped: 0,
  ...changes,
})

test('the embedded base changes little in int8, so auto chooses it', async () => {
  const base = await loadBase(embeddedBase)
  const choice = await choosePrecision('auto', 'cpu', () => measureDrift(base, 1))
  expect(choice).toMatchObject({ precision: 'int8', drift: { texts: 90 } })
  expect(choice.drift?.largest_change).toBeGreaterThan(0)
  expect(choice.drift?.mean_change).toBeLessThan(choice.drift?.largest_change as number)
})

test('auto stays at f32 if a probability or too many labels change, or on a GPU', async () => {
  const choose = async (changes: Partial<Drift>) => choosePrecision('auto', 'cpu', async () => drift(changes))
  expect(await choose({})).toMatchObject({ precision: 'int8' })
  expect(await choose({ largest_change: 0.051 })).toMatchObject({
    precision: 'f32',
    reason: expect.stringMatching('0.051'),
  })
  expect(await choose({ flipped: 3 })).toMatchObject({ precision: 'f32', reason: expect.stringMatching('3 of 100') })
  const measure = () => Promise.reject(new Error('must not measure'))
  expect(await choosePrecision('auto', 'webgpu', measure)).toMatchObject({ precision: 'f32' })
  expect(await choosePrecision('f32', 'cpu', measure)).toMatchObject({ precision: 'f32' })
  await expectError(choosePrecision('int8', 'webgpu', measure), 'precision_unsupported', '--device cpu')
})

test('int8 by name is used whatever it changes', async () => {
  expect(await choosePrecision('int8', 'cpu', async () => drift({ flipped: 50 }))).toMatchObject({ precision: 'int8' })
})

test('a drift counts flipped labels, and the largest and the mean change', () => {
  const f32 = [
    [0.9, 0.1],
    [0.51, 0.49],
  ]
  const int8 = [
    [0.8, 0.2],
    [0.49, 0.51],
  ]
  expect(compareProbabilities(f32, int8)).toEqual({
    texts: 2,
    largest_change: expect.closeTo(0.1),
    mean_change: expect.closeTo(0.06),
    flipped: 1,
  })
})
