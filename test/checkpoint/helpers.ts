import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect } from 'vitest'
import { type Base, loadBase } from '../../checkpoint/base.ts'
import { encodeSafetensors, readSafetensors, type StoredTensor } from '../../checkpoint/safetensors.ts'
import type { ErrorCode } from '../../core/catalogue.ts'
import { GraftError } from '../../core/errors.ts'
import { random } from '../../core/random.ts'
import { type MethodConfig, methodNamed, parseMethod } from '../../model/methods/registry.ts'

export const parity = (path: string): string => join(import.meta.dirname, '../fixtures/parity', path)

const folder = mkdtempSync(join(tmpdir(), 'graft-checkpoint-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let made = 0

/** A path at which there is nothing yet. */
export const freshPath = (name = 'folder'): string => join(folder, `${made++}`, name)

/** A copy of a fixture that a test may damage. */
export function copied(path: string): string {
  const to = freshPath('copy')
  cpSync(path, to, { recursive: true })
  return to
}

export function editJson(path: string, change: (json: Record<string, unknown>) => void): void {
  const json = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
  change(json)
  writeFileSync(path, JSON.stringify(json, null, 2))
}

export async function editTensors(path: string, change: (tensors: Map<string, StoredTensor>) => void): Promise<void> {
  const { tensors, metadata } = await readSafetensors(path)
  const changed = new Map(tensors)
  change(changed)
  writeFileSync(path, Buffer.concat(encodeSafetensors(changed, { metadata })))
}

const bases = new Map<string, Promise<Base>>()

/** A base, read once. */
export function baseAt(path: string): Promise<Base> {
  const base = bases.get(path) ?? loadBase(path)
  bases.set(path, base)
  return base
}

export const tinyT5 = (): Promise<Base> => baseAt(parity('tiny-t5'))
export const tinyFlan = (): Promise<Base> => baseAt(parity('tiny-flan'))

/** A method with values as training might leave them: every tensor has moved. */
export function tuned(
  config: MethodConfig,
  base: Base,
  size = 0.1,
): { method: MethodConfig; values: Map<string, Float32Array> } {
  const method = parseMethod(config)
  const values = methodNamed(method.method)
    .parameters(method, base.t5)
    .map((parameter): [string, Float32Array] => {
      const stream = random(1, parameter.name)
      const initial = parameter.initial(stream, (name) => base.tensors.get(name) as Float32Array)
      return [parameter.name, initial.map((x) => x + size * stream.normal())]
    })
  return { method, values: new Map(values) }
}

/** The error that the work ends with: its code, and all of these words in its message. */
export async function expectError(work: Promise<unknown>, code: ErrorCode, ...words: string[]): Promise<void> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(GraftError)
  const { message, code: found } = error as GraftError
  expect(found, message).toBe(code)
  for (const word of words) expect(message).toContain(word)
}
