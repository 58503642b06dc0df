import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'

/** Writes a file and waits until it is on the disk. */
export function writeDurably(path: string, data: Uint8Array): void {
  const file = openSync(path, 'w')
  try {
    for (let at = 0; at < data.length; ) at += writeSync(file, data, at)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Waits until a folder's list of names is on the disk: after a rename, the new name survives a loss of power. */
export function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
