import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { linkState } from '../../training/state/state-folder.ts'
import type { ArtifactStorage } from '../artifacts/artifacts.ts'
import { packFolder } from '../artifacts/pack-folder.ts'

/**
 * Uploads the states that a training saves to the artifact storage, one at a time. A state that is still waiting when a
 * newer one arrives is skipped.
 */
export interface StateUploader {
  /** Schedules the upload of the state that the training saved at this step. */
  add(step: number): void
  /** Waits until the newest state is uploaded. @throws the error of that upload */
  flush(): Promise<void>
}

/**
 * @param out the output folder of the training, next to which it saves its states
 * @param scratch a folder on the same disk
 * @param onUploaded called when any worker can continue from the state
 * @param onFailure called when an upload failed; the next state, or {@link StateUploader.flush}, tries again
 */
export function openStateUploader(
  artifacts: ArtifactStorage,
  { out, scratch }: { out: string; scratch: string },
  onUploaded: (step: number, digest: string) => void,
  onFailure: (error: unknown) => void,
): StateUploader {
  let waiting: number | undefined
  let uploading: Promise<void> | undefined
  const folderOf = (step: number) => join(scratch, String(step))

  const uploadWaiting = async () => {
    while (waiting !== undefined) {
      const step = waiting
      waiting = undefined
      try {
        const { digest } = await artifacts.put(packFolder(folderOf(step)))
        onUploaded(step, digest)
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
  const startUpload = () => {
    uploading ??= uploadWaiting().finally(() => {
      uploading = undefined
    })
    return uploading
  }

  return {
    add(step) {
      try {
        if (step === waiting || !linkState(out, step, folderOf(step))) return
        if (waiting !== undefined) rmSync(folderOf(waiting), { recursive: true, force: true })
        waiting = step
        startUpload().catch(onFailure)
      } catch (error) {
        // The disk may be full. This runs in an event listener, where an uncaught error would end the process.
        onFailure(error)
      }
    },
    async flush() {
      await uploading?.catch(() => {})
      if (waiting !== undefined) await startUpload()
    },
  }
}
