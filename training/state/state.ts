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
import type { TrainingVectors } from '../step/optimizer.ts'

/** The progress of a training. Together with the vectors, it is all that a training needs to continue. */
export interface Progress<Point = CurvePoint> {
  /** Steps completed. */
  step: number
  /** Examples of all these steps. */
  reviews: number
  /** Seconds of training so far, in all runs together. */
  seconds: number
  /** The reported loss, a running mean. */
  loss: number
  /** The running means of the objectives of a pretraining, by name. */
  losses?: Record<string, number>
  /** [factor, good steps, skipped steps]. Only set with precision f16. */
  loss_scale?: number[]
  /** Points of the loss curve, and of evaluations between steps. */
  curve: Point[]
}

export interface CurvePoint {
  step: number
  loss: number
  accuracy?: number
}

/** The number of states to keep. If the newest is lost with the disk's cache, the one before it is complete. */
const RETAINED_STATES = 2

const VECTORS = ['theta', 'm', 'v'] as const
const PROGRESS_FILE = 'progress.json'

/**
 * Saves a state in a new folder, which is flushed to the disk before it gets its name. If the process is killed,
 * earlier states stay complete. Also removes the incomplete states of earlier runs.
 */
export function saveState(folder: string, progress: Progress<unknown>, vectors: TrainingVectors): void {
  const name = stateName(progress.step)
  const partial = join(folder, `${name}.partial`)
  rmSync(partial, { recursive: true, force: true })
  try {
    mkdirSync(partial, { recursive: true })
    for (const key of VECTORS) writeDurably(join(partial, `${key}.f32`), bytesOf(vectors[key]))
    writeDurably(join(partial, PROGRESS_FILE), new TextEncoder().encode(JSON.stringify(progress)))
    syncFolder(partial)
  } catch (error) {
    // If the disk is full, an incomplete state would only take up space.
    rmSync(partial, { recursive: true, force: true })
    throw error
  }
  const target = join(folder, name)
  // A state of this step may exist already. It must not be removed under its name, or it could be found incomplete.
  if (existsSync(target)) renameSync(target, `${target}.replaced.partial`)
  renameSync(partial, target)
  syncFolder(folder)
  // A state of a later step exists only if it could not be read and the training continued from an earlier one.
  const retained = listStates(folder)
    .filter((state) => state <= name)
    .slice(-RETAINED_STATES)
  for (const entry of listEntries(folder))
    if (!retained.includes(entry)) rmSync(join(folder, entry), { recursive: true, force: true })
}

export const stateName = (step: number): string => `step-${String(step).padStart(8, '0')}`

/** Removes every state, complete or not. */
export function removeStates(folder: string): void {
  for (const entry of listEntries(folder)) rmSync(join(folder, entry), { recursive: true, force: true })
}

/**
 * Reads the newest readable state into the vectors.
 * @returns undefined if no state was saved
 * @throws GraftError `checkpoint_corrupt` if there are states but none is readable
 */
export function loadState<Point>(folder: string, vectors: TrainingVectors): Progress<Point> | undefined {
  let firstError: unknown
  for (const name of listStates(folder).reverse()) {
    try {
      const progress = JSON.parse(readFileSync(join(folder, name, PROGRESS_FILE), 'utf8')) as Progress<Point>
      for (const key of VECTORS) readExactly(join(folder, name, `${key}.f32`), bytesOf(vectors[key]))
      return progress
    } catch (error) {
      firstError ??= error
    }
  }
  if (firstError === undefined) return undefined
  const problem = `has no readable state: ${(firstError as Error).message}`
  return fail('checkpoint_corrupt', { subject: folder, problem, fix: 'Remove the folder to start over.' }, firstError)
}

export const hasState = (folder: string): boolean => listStates(folder).length > 0

/** Returns the names of the complete states, the oldest first. */
const listStates = (folder: string): string[] => listEntries(folder).filter((name) => /^step-\d+$/.test(name))

/** Returns the names of all states, complete or not, in order. */
function listEntries(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.startsWith('step-'))
    .sort()
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** Fills `data` with the contents of a file of exactly its size. */
function readExactly(path: string, data: Uint8Array): void {
  const file = openSync(path, 'r')
  try {
    let at = 0
    for (let got = -1; at < data.length && got !== 0; at += got) got = readSync(file, data, at, data.length - at, at)
    if (at === data.length && readSync(file, new Uint8Array(1), 0, 1, at) === 0) return
    const size = at < data.length ? `only ${at} of` : 'more than'
    throw new Error(`${basename(dirname(path))}/${basename(path)} has ${size} ${data.length} bytes`)
  } finally {
    closeSync(file)
  }
}
