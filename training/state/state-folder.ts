import { createHash } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { syncFolder, writeDurably } from '../../core/durable.ts'
import { fail } from '../../core/errors.ts'
import type { PreparedTraining } from '../data/prepare.ts'
import type { TrainingSpec } from '../spec.ts'
import type { TrainingVectors } from '../step/optimizer.ts'
import { claimFolder, releaseFolder, requireNoOtherOwner } from './owner.ts'
import { type CurvePoint, hasState, loadState, type Progress, removeStates, saveState, stateName } from './state.ts'

/** The folder of a training's saved states, next to its output folder. It is removed once the checkpoint is written. */
export interface StateFolder<Point = CurvePoint> {
  /**
   * Reads the newest state into the vectors. Without a state, returns the progress of a new training.
   * @param identity a digest of everything that determines the training
   * @throws GraftError `state_mismatch` if the states belong to another training
   */
  restore(identity: string, vectors: TrainingVectors): Progress<Point>
  /** Saves a state and returns the folder. */
  save(progress: Progress<Point>, vectors: TrainingVectors): string
  remove(): void
  /** Lets another process use the folder. Removes it if it has no state. */
  close(): void
}

export const stateFolderOf = (out: string): string => `${resolve(out)}.training`

const HEADER_FILE = 'training.json'

/**
 * Returns the identity of a training: a digest of the fields that must be the same when it is resumed, and of the
 * contents of base, data and the adapter to continue from. The other fields may change: paths, threads, device, and how
 * often to save.
 */
export const identifyTraining = (
  spec: TrainingSpec,
  { dataDigest, testDigest, base, start }: Pick<PreparedTraining, 'dataDigest' | 'testDigest' | 'base' | 'start'>,
): string =>
  digestOf([identifyingFields(spec), dataDigest, testDigest, base.fingerprint, ...(start ? [start.key] : [])])

/** Returns the SHA-256, hex, of a value as JSON. */
export const digestOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex')

const identifyingFields = ({
  base: _base,
  data: _data,
  test: _test,
  from_adapter: _from,
  out: _out,
  threads: _threads,
  save_seconds: _save,
  device: _device,
  micro_tokens: _micro,
  ...rest
}: TrainingSpec) => rest

/**
 * Opens the state folder of a training.
 * @param spec what is stored in the folder, to resume from
 * @param resume whether the training may continue from a state that is already there
 * @throws GraftError `output_exists` if there is a state but it may not; `state_mismatch` if another process trains
 *   there
 */
export function openStateFolder<Point = CurvePoint>(
  spec: Readonly<Record<string, unknown>> & { out: string },
  resume: boolean,
): StateFolder<Point> {
  const folder = stateFolderOf(spec.out)
  if (!resume && existsSync(join(folder, HEADER_FILE)))
    fail('output_exists', {
      subject: folder,
      problem: 'holds the state of an interrupted training',
      fix: `To continue it, run graft train --resume --out ${JSON.stringify(spec.out)}. To start over, remove the folder.`,
    })
  requireNoOtherOwner(folder)
  let claimed = false
  return {
    restore(identity, vectors) {
      requireNoOtherOwner(folder)
      claimed = true
      mkdirSync(folder, { recursive: true })
      claimFolder(folder)
      if (!existsSync(join(folder, HEADER_FILE))) writeHeader(folder, { identity, spec })
      else if (readHeader(folder).identity !== identity) throwMismatch(folder)
      return loadState<Point>(folder, vectors) ?? { step: 0, reviews: 0, seconds: 0, loss: 0, curve: [] }
    },
    save(progress, vectors) {
      saveState(folder, progress, vectors)
      return folder
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
    close() {
      if (!claimed) return
      if (hasState(folder)) releaseFolder(folder)
      else rmSync(folder, { recursive: true, force: true })
    },
  }
}

/**
 * Returns the specification of an interrupted training.
 * @throws GraftError `file_missing`, `checkpoint_corrupt`
 */
export function readSavedSpec(out: string): TrainingSpec {
  const path = join(stateFolderOf(out), HEADER_FILE)
  if (!existsSync(path))
    fail('file_missing', {
      subject: path,
      problem: 'does not exist, so there is no training to resume',
      fix: 'Use the --out of the training that was interrupted, or train without --resume.',
    })
  return readHeader(stateFolderOf(out)).spec as TrainingSpec
}

/**
 * Keeps a saved state by hard links, because the training continues and removes its old states.
 * @param target a folder to create. A training can resume from it like from its own state folder.
 * @returns false if the state no longer exists
 */
export function linkState(out: string, step: number, target: string): boolean {
  const folder = stateFolderOf(out)
  const state = stateName(step)
  try {
    mkdirSync(join(target, state), { recursive: true })
    linkSync(join(folder, HEADER_FILE), join(target, HEADER_FILE))
    for (const file of readdirSync(join(folder, state))) linkSync(join(folder, state, file), join(target, state, file))
    return true
  } catch (error) {
    rmSync(target, { recursive: true, force: true })
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** The training that a state folder belongs to. */
interface StateHeader {
  /** SHA-256, in hexadecimal digits, of everything that determines the training. */
  identity: string
  spec: unknown
}

/**
 * Writes the header of a new state folder, completely or not at all. Removes states of an earlier training first: if
 * the removal of a folder was interrupted, its states may remain.
 */
function writeHeader(folder: string, header: StateHeader): void {
  removeStates(folder)
  const partial = join(folder, `${HEADER_FILE}.partial`)
  writeDurably(partial, new TextEncoder().encode(JSON.stringify(header, null, 2)))
  renameSync(partial, join(folder, HEADER_FILE))
  syncFolder(folder)
}

function readHeader(folder: string): StateHeader {
  const path = join(folder, HEADER_FILE)
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as StateHeader
  } catch (error) {
    const problem = `does not hold the settings of a training: ${(error as Error).message}`
    return fail('checkpoint_corrupt', { subject: path, problem, fix: 'Remove the folder to start over.' }, error)
  }
}

function throwMismatch(folder: string): never {
  return fail('state_mismatch', {
    subject: folder,
    problem: 'belongs to a training with another base, other data or other settings',
    fix: 'Resume with the base and the data of that training, or remove the folder to start over.',
  })
}
