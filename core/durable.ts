import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'

/** Writes a file and waits until it is on disk. */
export function writeDurably(path: string, data: Uint8Array): void {
  const file = openSync(path, 'w')
  try {
    for (let offset = 0; offset < data.length; ) offset += writeSync(file, data, offset)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Waits until a folder's list of names is on disk, so that a renamed file keeps its new name after a power failure. */
export function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
