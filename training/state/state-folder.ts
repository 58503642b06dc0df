import { createHash } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { syncFolder, writeDurably } from '../../core/durable.ts'
import { fail } from '../../core/errors.ts'
import type { Prepared } from '../data/prepare.ts'
import type { TrainingSpec } from '../spec.ts'
import type { Moments } from '../step/optimizer.ts'
import { clearStates, hasState, loadState, type Progress, saveState, stateName } from './state.ts'

/** Where a training keeps its state while it runs: a folder beside its output, gone when the checkpoint is written. */
export interface StateFolder {
  /** Reads the newest state into the vectors, or starts from nothing. */
  restore(prepared: Prepared, moments: Moments): Progress
  /** @returns the folder */
  save(progress: Progress, moments: Moments): string
  remove(): void
  /** Lets another process take the folder; one without a state goes, as nothing is lost with it. */
  close(): void
}

export const stateFolderOf = (out: string): string => `${resolve(out)}.training`

const SPEC = 'training.json'
const OWNER = 'owner.pid'

/**
 * What must not change between two runs of one training, beside the contents of base and data; the rest (where things lie, where and how
 * it runs, how often to save) may.
 */
const decides = ({
  base: _base,
  data: _data,
  test: _test,
  out: _out,
  threads: _threads,
  save_seconds: _save,
  device: _device,
  micro_tokens: _micro,
  ...rest
}: TrainingSpec) => rest

/**
 * @param resume whether a state that is there may be gone on from
 * @throws GraftError `output_exists` where it is there and may not, `state_mismatch` where another process trains here
 */
export function openStateFolder(spec: TrainingSpec, resume: boolean): StateFolder {
  const folder = stateFolderOf(spec.out)
  if (!resume && existsSync(join(folder, SPEC)))
    fail('output_exists', {
      subject: folder,
      expected: 'no state of an earlier training',
      found: 'that of one that was interrupted',
      fix: `Go on with it: graft train --resume --out ${JSON.stringify(spec.out)}. Or remove the folder to begin anew.`,
    })
  requireUnowned(folder)
  let claimed = false
  return {
    restore(prepared, moments) {
      requireUnowned(folder)
      claimed = true
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, OWNER), processName(process.pid) ?? '')
      const identity = createHash('sha256')
        .update(JSON.stringify([decides(spec), prepared.dataDigest, prepared.testDigest, prepared.base.fingerprint]))
        .digest('hex')
      if (!existsSync(join(folder, SPEC))) begin(folder, { identity, spec })
      else if (readBegun(folder).identity !== identity) mismatch(folder)
      return loadState(folder, moments) ?? { step: 0, reviews: 0, seconds: 0, loss: 0, curve: [] }
    },
    save(progress, moments) {
      saveState(folder, progress, moments)
      return folder
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
    close() {
      if (!claimed) return
      if (hasState(folder)) rmSync(join(folder, OWNER), { force: true })
      else rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The specification that a state folder was begun with. */
export function savedSpec(out: string): TrainingSpec {
  const path = join(stateFolderOf(out), SPEC)
  if (!existsSync(path))
    fail('file_missing', {
      subject: path,
      expected: 'the saved state of a training',
      found: 'nothing',
      fix: 'Give the --out of the training that was interrupted, or train without --resume.',
    })
  return readBegun(stateFolderOf(out)).spec
}

/**
 * Takes hold of a saved state, by hard links: the training goes on, and removes its old states.
 * @param target a folder that is made: what a training may go on from, beside the output of another
 * @returns false where that state is gone already
 */
export function holdState(out: string, step: number, target: string): boolean {
  const folder = stateFolderOf(out)
  const state = stateName(step)
  try {
    mkdirSync(join(target, state), { recursive: true })
    linkSync(join(folder, SPEC), join(target, SPEC))
    for (const file of readdirSync(join(folder, state))) linkSync(join(folder, state, file), join(target, state, file))
    return true
  } catch (error) {
    rmSync(target, { recursive: true, force: true })
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

interface Begun {
  /** SHA-256, hex, of all that decides the training. */
  identity: string
  spec: TrainingSpec
}

/** Whole or not at all, and nothing of an earlier training beside it: a folder that was being removed may have kept its states. */
function begin(folder: string, begun: Begun): void {
  clearStates(folder)
  const partial = join(folder, `${SPEC}.partial`)
  writeDurably(partial, new TextEncoder().encode(JSON.stringify(begun, null, 2)))
  renameSync(partial, join(folder, SPEC))
  syncFolder(folder)
}

function readBegun(folder: string): Begun {
  const path = join(folder, SPEC)
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Begun
  } catch (error) {
    const found = (error as Error).message
    return fail(
      'checkpoint_corrupt',
      { subject: path, expected: 'the settings of a training', found, fix: 'Remove the folder to begin anew.' },
      error,
    )
  }
}

function mismatch(folder: string): never {
  return fail('state_mismatch', {
    subject: folder,
    expected: 'the same base, data and settings as when the training began',
    found: 'others',
    fix: 'Resume with --resume alone, or remove the folder to begin anew.',
  })
}

/** One process at a time: two would write each other's state. A process that was killed leaves its name, which is then nobody's. */
function requireUnowned(folder: string): void {
  const path = join(folder, OWNER)
  const owner = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const pid = Number.parseInt(owner, 10)
  if (pid > 0 && pid !== process.pid && processName(pid) === owner)
    fail('state_mismatch', {
      subject: folder,
      expected: 'no other process training here',
      found: `process ${pid}`,
      fix: 'Wait until it is done, or stop it.',
    })
}

/**
 * A process by its number and, on Linux, the tick at which it started: numbers are given out again, in a container soon. Undefined where
 * there is none, or only one that was killed and that nobody has collected.
 */
function processName(pid: number): string | undefined {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined
  }
  try {
    // Fields 3 and 22 of proc_pid_stat(5); the second, in brackets, may hold spaces.
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return 'ZX'.includes(fields[0]) ? undefined : `${pid} ${fields[19]}`
  } catch {
    return String(pid)
  }
}
