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
import { syncFolder, writeDurably } from '../../core/durable.ts'
import { fail } from '../../core/errors.ts'
import type { Moments } from '../step/optimizer.ts'

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
  /** With precision f16: [factor, good steps, skipped steps]. */
  loss_scale?: number[]
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
const PROGRESS = 'progress.json'

/**
 * Saves into a new folder, flushed to the disk before it gets its name: killed at any moment, a state that was saved before is whole.
 * What earlier, killed runs left half written is removed.
 */
export function saveState(folder: string, progress: Progress, vectors: Moments): void {
  const name = stateName(progress.step)
  const partial = join(folder, `${name}.partial`)
  rmSync(partial, { recursive: true, force: true })
  try {
    mkdirSync(partial, { recursive: true })
    for (const key of VECTORS) writeDurably(join(partial, `${key}.f32`), bytesOf(vectors[key]))
    writeDurably(join(partial, PROGRESS), new TextEncoder().encode(JSON.stringify(progress)))
    syncFolder(partial)
  } catch (error) {
    // On a full disk half a state would only take more room.
    rmSync(partial, { recursive: true, force: true })
    throw error
  }
  const target = join(folder, name)
  // Of the same step there may be one already, which must never be half there under this name.
  if (existsSync(target)) renameSync(target, `${target}.replaced.partial`)
  renameSync(partial, target)
  syncFolder(folder)
  // One of a later step could not be read when the training went on from an earlier one.
  const kept = statesIn(folder)
    .filter((state) => state <= name)
    .slice(-KEPT)
  for (const entry of entriesIn(folder))
    if (!kept.includes(entry)) rmSync(join(folder, entry), { recursive: true, force: true })
}

export const stateName = (step: number): string => `step-${String(step).padStart(8, '0')}`

/** Removes every state, whole or not. */
export function clearStates(folder: string): void {
  for (const entry of entriesIn(folder)) rmSync(join(folder, entry), { recursive: true, force: true })
}

/**
 * Reads the newest state that can be read into the vectors; undefined where none was saved.
 * @throws GraftError `checkpoint_corrupt` where there are states and none can be read
 */
export function loadState(folder: string, vectors: Moments): Progress | undefined {
  let unreadable: unknown
  for (const name of statesIn(folder).reverse()) {
    try {
      const progress = JSON.parse(readFileSync(join(folder, name, PROGRESS), 'utf8')) as Progress
      for (const key of VECTORS) readInto(join(folder, name, `${key}.f32`), bytesOf(vectors[key]))
      return progress
    } catch (error) {
      unreadable ??= error
    }
  }
  if (unreadable === undefined) return undefined
  return fail(
    'checkpoint_corrupt',
    {
      subject: folder,
      expected: 'a saved state that can be read',
      found: (unreadable as Error).message,
      fix: 'Remove the folder to begin anew.',
    },
    unreadable,
  )
}

export const hasState = (folder: string): boolean => statesIn(folder).length > 0

/** The names of the states, from the oldest to the newest. */
const statesIn = (folder: string): string[] => entriesIn(folder).filter((name) => /^step-\d+$/.test(name))

/** States and what was left of states, in order. */
function entriesIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.startsWith('step-'))
    .sort()
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

function readInto(path: string, data: Uint8Array): void {
  const file = openSync(path, 'r')
  try {
    let at = 0
    for (let got = -1; at < data.length && got !== 0; at += got) got = readSync(file, data, at, data.length - at, at)
    if (at === data.length && readSync(file, new Uint8Array(1), 0, 1, at) === 0) return
    const found = at < data.length ? String(at) : 'more'
    throw new Error(`${basename(dirname(path))}/${basename(path)} has ${found} of ${data.length} bytes`)
  } finally {
    closeSync(file)
  }
}
