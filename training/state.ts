import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { syncFolder, writeDurably } from '../core/durable.ts'
import { fail } from '../core/errors.ts'
import type { Moments } from './optimizer.ts'

/** What, with the vectors, makes a training go on where it stopped. */
export interface Progress {
  /** Steps done. */
  step: number
  /** Reviews seen. */
  reviews: number
  /** Seconds of training so far, over all of its runs. */
  seconds: number
  /** The loss that the progress line shows: a running mean. */
  loss: number
  /** Points of the loss curve and of evaluations on the way. */
  curve: CurvePoint[]
}

export interface CurvePoint {
  step: number
  loss: number
  accuracy?: number
}

/** States kept: were the newest lost with the disk's cache, the one before it is whole. */
const KEPT = 2

const VECTORS = ['theta', 'm', 'v'] as const

/** Saves into a new folder, flushed to the disk before it gets its name: killed at any moment, every named folder is whole. */
export function saveState(folder: string, progress: Progress, vectors: Moments): void {
  const name = `step-${String(progress.step).padStart(8, '0')}`
  const partial = join(folder, `${name}.partial`)
  rmSync(partial, { recursive: true, force: true })
  try {
    mkdirSync(partial, { recursive: true })
    for (const key of VECTORS) writeDurably(join(partial, `${key}.f32`), bytesOf(vectors[key]))
    writeDurably(join(partial, 'progress.json'), new TextEncoder().encode(JSON.stringify(progress)))
    syncFolder(partial)
  } catch (error) {
    // On a full disk half a state would only take more room.
    rmSync(partial, { recursive: true, force: true })
    throw error
  }
  const target = join(folder, name)
  rmSync(target, { recursive: true, force: true })
  renameSync(partial, target)
  syncFolder(folder)
  for (const old of statesIn(folder).slice(0, -KEPT)) rmSync(join(folder, old), { recursive: true, force: true })
}

/** Reads the newest state into the vectors; undefined where none was saved. */
export function loadState(folder: string, vectors: Moments): Progress | undefined {
  const newest = statesIn(folder).at(-1)
  if (!newest) return undefined
  for (const key of VECTORS) readInto(join(folder, newest, `${key}.f32`), bytesOf(vectors[key]))
  return JSON.parse(readFileSync(join(folder, newest, 'progress.json'), 'utf8')) as Progress
}

export const hasState = (folder: string): boolean => statesIn(folder).length > 0

function statesIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => /^step-\d+$/.test(name))
    .sort()
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

function readInto(path: string, data: Uint8Array): void {
  const file = openSync(path, 'r')
  try {
    let at = 0
    for (let got = -1; at < data.length && got !== 0; at += got) got = readSync(file, data, at, data.length - at, at)
    if (at !== data.length || readSync(file, new Uint8Array(1), 0, 1, at) !== 0)
      fail('state_mismatch', {
        subject: `${basename(dirname(path))}/${basename(path)}`,
        expected: `${data.length} bytes`,
        found: `${at < data.length ? at : 'more'} bytes`,
        mend: 'The saved state belongs to another training; remove its folder to begin anew.',
      })
  } finally {
    closeSync(file)
  }
}
