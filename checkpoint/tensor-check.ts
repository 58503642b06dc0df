import { fail } from '../core/errors.ts'
import type { NamedShape } from '../model/t5/tensors.ts'
import type { StoredTensor } from './safetensors.ts'

/**
 * Compares the tensors of a file with those that its configuration asks for.
 * @throws GraftError `checkpoint_tensors` that names those which are missing, unexpected or of another shape
 */
export function checkTensors(
  expected: readonly NamedShape[],
  found: ReadonlyMap<string, StoredTensor>,
  file: string,
): void {
  const known = new Set(expected.map(({ name }) => name))
  const missing = expected.filter(({ name }) => !found.has(name))
  const extra = [...found].filter(([name]) => !known.has(name)).map(([name, { shape }]) => ({ name, shape }))
  if (missing.length > 0)
    refuse(
      `${file}, ${missing[0].name}`,
      listed(missing),
      extra.length > 0 ? `in place of them ${listed(extra)}` : 'no such tensor',
    )
  if (extra.length > 0) refuse(`${file}, ${extra[0].name}`, 'no such tensor', listed(extra))
  for (const { name, shape } of expected) {
    const given = (found.get(name) as StoredTensor).shape
    if (given.join() !== shape.join()) refuse(`${file}, ${name}`, `shape ${sizes(shape)}`, `shape ${sizes(given)}`)
  }
}

/** @throws GraftError `checkpoint_corrupt` that names the first tensor with a number that is not finite */
export function checkFinite(tensors: ReadonlyMap<string, StoredTensor>, file: string): void {
  for (const [name, { data }] of tensors) {
    const wrong = notFinite(data)
    if (wrong === undefined) continue
    fail('checkpoint_corrupt', {
      subject: `${file}, ${name}`,
      expected: 'finite numbers',
      found: String(wrong),
      fix: 'Use an earlier checkpoint: the training that made this one diverged.',
    })
  }
}

/** The first number that is a NaN or an infinity. A plain loop: `find` took a second for a T5-small. */
export function notFinite(data: Float32Array): number | undefined {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return data[i]
  return undefined
}

const MOST = 3

function listed(tensors: readonly NamedShape[]): string {
  const names = tensors.slice(0, MOST).map(({ name, shape }) => `${name} ${sizes(shape)}`)
  return [...names, ...(tensors.length > MOST ? [`${tensors.length - MOST} more`] : [])].join(', ')
}

const sizes = (shape: readonly number[]): string => `[${shape.join(', ')}]`

function refuse(subject: string, expected: string, found: string): never {
  fail('checkpoint_tensors', {
    subject,
    expected,
    found,
    fix: 'Give the configuration and the base with which these weights were made.',
  })
}
