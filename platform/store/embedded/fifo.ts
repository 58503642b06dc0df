import { closeSync, constants, fstatSync, openSync, readSync, statSync, writeSync } from 'node:fs'

// The operating system closes a FIFO's ends with the processes that hold them, however those end. So a FIFO says which
// side still has a process, also across containers, where process ids mean nothing.

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants

const hasCode = (error: unknown, ...codes: string[]): boolean =>
  codes.includes((error as NodeJS.ErrnoException).code ?? '')

export const openReader = (path: string): number => openSync(path, O_RDONLY | O_NONBLOCK)

/** @returns undefined if no process has the FIFO open for reading, or it does not exist */
export function openWriter(path: string): number | undefined {
  try {
    return openSync(path, O_WRONLY | O_NONBLOCK)
  } catch (error) {
    if (hasCode(error, 'ENXIO', 'ENOENT')) return undefined
    throw error
  }
}

export function hasReader(path: string): boolean {
  const writer = openWriter(path)
  if (writer !== undefined) closeSync(writer)
  return writer !== undefined
}

/** Returns whether a writing end still has a reader, and belongs to the FIFO that is at this path now. */
export function isConnected(writer: number, path: string): boolean {
  const here = statSync(path, { throwIfNoEntry: false })
  const mine = fstatSync(writer)
  if (here?.ino !== mine.ino || here.dev !== mine.dev) return false
  try {
    writeSync(writer, '\n')
  } catch (error) {
    // A full FIFO has a reader that is slow.
    return hasCode(error, 'EAGAIN')
  }
  return true
}

/** Returns whether any process has the FIFO open for writing. Reads what they wrote. */
export function hasWriter(reader: number): boolean {
  const rest = new Uint8Array(4096)
  try {
    while (readSync(reader, rest) > 0);
    return false
  } catch (error) {
    if (hasCode(error, 'EAGAIN')) return true
    throw error
  }
}
