import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { holdState } from '../../training/state/state-folder.ts'
import type { Artifacts } from '../artifacts/artifacts.ts'
import { packFolder } from '../artifacts/pack-folder.ts'

/** Brings the states that a training saves to the artifacts: one at a time, and of those that wait only the newest. */
export interface StateUploads {
  /** A state was saved. */
  saved(step: number): void
  /** Waits until the newest state is kept. @throws what that failed of */
  settle(): Promise<void>
}

/**
 * @param out the output of the training, beside which its states lie
 * @param scratch a folder on the same disk
 * @param onKept told when a state can be gone on from anywhere
 * @param onFailure told of an attempt that failed; the next state, or {@link StateUploads.settle}, tries again
 */
export function stateUploads(
  artifacts: Artifacts,
  { out, scratch }: { out: string; scratch: string },
  onKept: (step: number, digest: string) => void,
  onFailure: (error: unknown) => void,
): StateUploads {
  let waiting: number | undefined
  let uploading: Promise<void> | undefined
  const folderOf = (step: number) => join(scratch, String(step))

  const upload = async () => {
    while (waiting !== undefined) {
      const step = waiting
      waiting = undefined
      try {
        const { digest } = await artifacts.put(packFolder(folderOf(step)))
        onKept(step, digest)
      } catch (error) {
        if (waiting === undefined) {
          waiting = step
          throw error
        }
        onFailure(error)
      }
      rmSync(folderOf(step), { recursive: true, force: true })
    }
  }
  const start = () => {
    uploading ??= upload().finally(() => {
      uploading = undefined
    })
    return uploading
  }

  return {
    saved(step) {
      try {
        if (step === waiting || !holdState(out, step, folderOf(step))) return
        if (waiting !== undefined) rmSync(folderOf(waiting), { recursive: true, force: true })
        waiting = step
        start().catch(onFailure)
      } catch (error) {
        // A full disk, say. This is called as a listener, where an error would end the process.
        onFailure(error)
      }
    },
    async settle() {
      await uploading?.catch(() => {})
      if (waiting !== undefined) await start()
    },
  }
}
