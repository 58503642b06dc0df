import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { readTensorFile } from '../../checkpoint/read-tensors.ts'
import type { TensorData } from '../../model/tensor-shapes.ts'
import { parityPath } from '../checkpoint/helpers.ts'

/**
 * The tolerances for an implementation in float32 (see the README of the fixtures). The tolerance for gradients is
 * relative to the largest entry.
 */
export const TOLERANCES = { logits: 5e-5, loss: 1e-5, gradient: 1e-4 }

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

/** Reads a JSON file of the fixtures. */
export const readJson = <T>(path: string): T => JSON.parse(readFileSync(parityPath(path), 'utf8')) as T

/** The batches of the fixtures. */
export const inputs = readJson<Inputs>('inputs.json')

/** Reads the tensors that the Python library computed. */
export const readReference = async (path: string): Promise<ReadonlyMap<string, TensorData>> =>
  (await readTensorFile(parityPath(path))).tensors

export const largestMagnitude = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((max, x) => Math.max(max, Math.abs(x)), 0)

/** Returns the largest absolute difference. It is infinite if the lengths differ or a number is NaN. */
export function maxDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length || expected.length === 0) return Number.POSITIVE_INFINITY
  let max = 0
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i] - expected[i])
    if (!(difference <= max)) max = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference
  }
  return max
}

export function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>, limit: number, name: string): void {
  expect(maxDifference(actual, expected), name).toBeLessThanOrEqual(limit)
}

/** Expects a gradient within its tolerance. A gradient of zero must be exactly zero. */
export function expectGradient(actual: ArrayLike<number>, expected: ArrayLike<number>, name: string): void {
  expectNear(actual, expected, TOLERANCES.gradient * largestMagnitude(expected), name)
}
