import { fail } from '../core/errors.ts'
import type { NamedShape, TensorData, TensorShape } from '../model/tensor-shapes.ts'

const FIX_MISMATCH = 'Use the configuration and the base with which these weights were trained.'

/**
 * Compares the tensors of a file with those that its configuration requires.
 * @throws GraftError `checkpoint_tensors` with the tensors that are missing, unexpected or of another shape
 */
export function checkTensors(
  expected: readonly NamedShape[],
  found: ReadonlyMap<string, TensorShape>,
  file: string,
): void {
  const known = new Set(expected.map(({ name }) => name))
  const missing = expected.filter(({ name }) => !found.has(name))
  const extra = [...found].filter(([name]) => !known.has(name)).map(([name, { shape }]) => ({ name, shape }))
  if (missing.length > 0)
    fail('checkpoint_tensors', {
      subject: file,
      problem: `is missing ${formatTensors(missing)}${extra.length > 0 ? `; instead it contains ${formatTensors(extra)}` : ''}`,
      fix: FIX_MISMATCH,
    })
  if (extra.length > 0)
    fail('checkpoint_tensors', {
      subject: file,
      problem: `contains ${formatTensors(extra)}, which its configuration does not describe`,
      fix: FIX_MISMATCH,
    })
  for (const { name, shape } of expected) {
    const stored = (found.get(name) as TensorShape).shape
    if (stored.join() !== shape.join())
      fail('checkpoint_tensors', {
        subject: `${file}, ${name}`,
        expected: `shape ${formatShape(shape)}`,
        found: `shape ${formatShape(stored)}`,
        fix: FIX_MISMATCH,
      })
  }
}

/** @throws GraftError `checkpoint_corrupt` with the first tensor that contains a NaN or an infinity */
export function checkFinite(tensors: ReadonlyMap<string, TensorData>, file: string): void {
  for (const [name, { data }] of tensors) {
    const nonFinite = findNonFinite(data)
    if (nonFinite === undefined) continue
    fail('checkpoint_corrupt', {
      subject: `${file}, ${name}`,
      problem: `contains ${nonFinite}`,
      fix: 'The training that produced this checkpoint diverged. Use an earlier one.',
    })
  }
}

/** Returns the first NaN or infinity. It is a plain loop, because `find` took a second for a T5-small. */
export function findNonFinite(data: Float32Array): number | undefined {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return data[i]
  return undefined
}

const MAX_LISTED_TENSORS = 3

function formatTensors(tensors: readonly NamedShape[]): string {
  const names = tensors.slice(0, MAX_LISTED_TENSORS).map(({ name, shape }) => `${name} ${formatShape(shape)}`)
  const omitted = tensors.length - names.length
  return names.join(', ') + (omitted > 0 ? ` and ${omitted} more` : '')
}

const formatShape = (shape: readonly number[]): string => `[${shape.join(', ')}]`
