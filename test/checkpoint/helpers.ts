import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Base, loadBase } from '../../checkpoint/base.ts'
import { readTensorFile } from '../../checkpoint/read-tensors.ts'
import { encodeSafetensors } from '../../checkpoint/safetensors.ts'
import type { ErrorCode } from '../../core/catalogue.ts'
import { GraftError } from '../../core/errors.ts'
import { makeRandom } from '../../core/random.ts'
import { modelOf } from '../../model/architectures.ts'
import { type MethodConfig, parametersOf, parseMethod } from '../../model/methods/registry.ts'
import type { TensorData } from '../../model/tensor-shapes.ts'
import { afterFile } from '../after-file.ts'

export const parityPath = (path: string): string => join(import.meta.dirname, '../fixtures/parity', path)

let folder: string | undefined
let pathCount = 0

/** Returns a path at which nothing exists yet, nor need its folder. It is removed after the test file. */
export const freshPath = (name = 'folder'): string => join(folderOfFile(), `${pathCount++}`, name)

/** Returns the temporary folder of the test file that is running. */
function folderOfFile(): string {
  if (folder) return folder
  const path = mkdtempSync(join(tmpdir(), 'file-'))
  folder = path
  // Some tests start programs as another user, who must be able to reach their files.
  chmodSync(path, 0o755)
  afterFile(() => {
    folder = undefined
    rmSync(path, { recursive: true, force: true })
  })
  return path
}

/** Copies a folder, so that a test can change it. */
export function copyFolder(path: string): string {
  const to = freshPath('copy')
  cpSync(path, to, { recursive: true })
  return to
}

export function editJson(path: string, change: (json: Record<string, unknown>) => void): void {
  const json = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
  change(json)
  writeFileSync(path, JSON.stringify(json, null, 2))
}

export async function editTensors(path: string, change: (tensors: Map<string, TensorData>) => void): Promise<void> {
  const { tensors, metadata } = await readTensorFile(path)
  const changed = new Map(tensors)
  change(changed)
  writeFileSync(path, Buffer.concat(encodeSafetensors(changed, { metadata })))
}

const bases = new Map<string, Promise<Base>>()

/** Loads a base, only once for each path. */
export function baseAt(path: string): Promise<Base> {
  const base = bases.get(path) ?? loadBase(path)
  bases.set(path, base)
  return base
}

export const tinyT5 = (): Promise<Base> => baseAt(parityPath('tiny-t5'))
export const tinyFlan = (): Promise<Base> => baseAt(parityPath('tiny-flan'))

/** Returns a method with random values, as after training: every tensor differs from its initial values. */
export function randomAdapter(
  config: MethodConfig,
  base: Base,
  size = 0.1,
): { method: MethodConfig; values: Map<string, Float32Array> } {
  const method = parseMethod(config)
  const values = parametersOf(method, modelOf(base)).map((parameter): [string, Float32Array] => {
    const stream = makeRandom(1, parameter.name)
    const initial = parameter.initial(stream, (name) => base.tensors.get(name) as Float32Array)
    return [parameter.name, initial.map((x) => x + size * stream.normal())]
  })
  return { method, values: new Map(values) }
}

/** Expects work to fail with this code and a message that contains all of these words. */
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
