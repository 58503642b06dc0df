import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { readSafetensors, type StoredTensor } from '../../checkpoint/safetensors.ts'
import { parity } from '../checkpoint/helpers.ts'

/** How far a port in float32 may be off (README of the fixtures): absolutely, and of a gradient's largest entry. */
export const LIMITS = { logits: 5e-5, loss: 1e-5, gradient: 1e-4 }

export interface RawBatch {
  input_ids: number[][]
  attention_mask: number[][]
  labels: number[][]
}

export interface Inputs {
  a: RawBatch
  b: RawBatch
  a_labels_masked: number[][]
  trajectory_steps: RawBatch[]
}

export const json = <T>(path: string): T => JSON.parse(readFileSync(parity(path), 'utf8')) as T

export const inputs = json<Inputs>('inputs.json')

export const reference = async (path: string): Promise<ReadonlyMap<string, StoredTensor>> =>
  (await readSafetensors(parity(path))).tensors

export const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, x) => Math.max(most, Math.abs(x)), 0)

/** The largest absolute difference; infinite where the lengths differ or a number is missing. */
export function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length || expected.length === 0) return Number.POSITIVE_INFINITY
  let most = 0
  for (let i = 0; i < expected.length; i++) {
    const off = Math.abs(actual[i] - expected[i])
    if (!(off <= most)) most = Number.isNaN(off) ? Number.POSITIVE_INFINITY : off
  }
  return most
}

export function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>, limit: number, what: string): void {
  expect(distance(actual, expected), what).toBeLessThanOrEqual(limit)
}

/** Within the limit for gradients: a gradient that is zero must be zero. */
export function expectGradient(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  expectNear(actual, expected, LIMITS.gradient * largest(expected), what)
}
