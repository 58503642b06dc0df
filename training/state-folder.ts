import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { writeDurably } from '../core/durable.ts'
import { fail } from '../core/errors.ts'
import type { Moments } from './optimizer.ts'
import type { Prepared } from './prepare.ts'
import type { TrainingSpec } from './spec.ts'
import { hasState, loadState, type Progress, saveState } from './state.ts'

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

/** What must not change between two runs of one training; the rest (threads, how often to save) may. */
const decides = ({ out: _out, threads: _threads, save_seconds: _save, device: _device, ...rest }: TrainingSpec) => rest

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
      mend: `Go on with it: graft train --resume --out ${JSON.stringify(spec.out)}. Or remove the folder to begin anew.`,
    })
  requireUnowned(folder)
  let claimed = false
  return {
    restore(prepared, moments) {
      requireUnowned(folder)
      claimed = true
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, OWNER), String(process.pid))
      const identity = createHash('sha256')
        .update(JSON.stringify([decides(spec), prepared.dataDigest, prepared.base.fingerprint]))
        .digest('hex')
      const path = join(folder, SPEC)
      if (!existsSync(path)) writeDurably(path, new TextEncoder().encode(JSON.stringify({ identity, spec }, null, 2)))
      else if (readIdentity(path) !== identity) mismatch(folder)
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
      mend: 'Give the --out of the training that was interrupted, or train without --resume.',
    })
  return (JSON.parse(readFileSync(path, 'utf8')) as { spec: TrainingSpec }).spec
}

const readIdentity = (path: string): string => (JSON.parse(readFileSync(path, 'utf8')) as { identity: string }).identity

function mismatch(folder: string): never {
  return fail('state_mismatch', {
    subject: folder,
    expected: 'the same base, data and settings as when the training began',
    found: 'others',
    mend: 'Resume with --resume alone, or remove the folder to begin anew.',
  })
}

/** One process at a time: two would write each other's state. A process that was killed leaves its number, which is then nobody's. */
function requireUnowned(folder: string): void {
  const path = join(folder, OWNER)
  const owner = existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0
  if (owner !== 0 && owner !== process.pid && isAlive(owner))
    fail('state_mismatch', {
      subject: folder,
      expected: 'no other process training here',
      found: `process ${owner}`,
      mend: 'Wait until it is done, or stop it.',
    })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
