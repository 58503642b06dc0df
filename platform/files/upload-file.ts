import { mkdir } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { leaveReserve } from '../../core/disk-space.ts'
import type { Artifact, Content } from '../artifacts/artifacts.ts'
import { openUnlinkedFile, writeAndHash } from '../artifacts/hashed-file.ts'

/** A file without a name, for an upload that is checked before it is stored. */
export interface UploadFile {
  /** The descriptor of the open file. A child process can inherit it. */
  readonly fd: number
  /**
   * Writes the content to the empty file.
   * @throws GraftError `disk_full`
   */
  write(content: Content): Promise<Artifact>
  /** Returns the content. */
  read(): Readable
}

/**
 * Does work with a new file in a folder, which is created if needed. The file disappears with the work, or with the
 * process.
 */
export async function withUploadFile<T>(folder: string, work: (file: UploadFile) => Promise<T>): Promise<T> {
  await mkdir(folder, { recursive: true })
  const file = await openUnlinkedFile(folder)
  try {
    return await work({
      fd: file.fd,
      write: (content) => writeAndHash(file, leaveReserve(content, { folder, name: 'the home folder' })),
      read: () => file.createReadStream({ start: 0, autoClose: false }),
    })
  } finally {
    await file.close()
  }
}
