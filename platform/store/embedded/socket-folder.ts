import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The bytes that the path of a socket may have, on Linux and on macOS. */
const MAXIMUM_BYTES = process.platform === 'linux' ? 107 : 103
const SOCKET = '.s.PGSQL.5432'

/** A path to the folder of the server's socket that is short enough. */
export interface SocketFolder {
  readonly folder: string
  remove(): void
}

/** Returns the folder itself, or a link to it in a private temporary folder if its path is too long for a socket. */
export function makeSocketFolder(run: string): SocketFolder {
  if (Buffer.byteLength(join(run, SOCKET)) <= MAXIMUM_BYTES) return { folder: run, remove: () => {} }
  const temporary = mkdtempSync(join(tmpdir(), 'graft-'))
  const folder = join(temporary, 'run')
  symlinkSync(run, folder)
  return { folder, remove: () => rmSync(temporary, { recursive: true, force: true }) }
}
