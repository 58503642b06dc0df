import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Files in memory that know what a power loss would leave of them.
 *
 * - A flush of a file keeps its content. If its name is not on the disk yet, the flush keeps that as well, with the new
 *   folders above it, as ext4, XFS and Btrfs do.
 * - A flush of a folder keeps what was created, renamed and removed in it, and what happened before to the same names.
 * - Everything else is lost, or in part: see {@link LossyFiles.writeTo}.
 */

const BLOCK_BYTES = 4096
export const [TYPE_MASK, FOLDER, FILE, LINK, FIFO] = [0o170000, 0o040000, 0o100000, 0o120000, 0o010000]

export interface Inode {
  readonly ino: number
  mode: number
  uid: number
  gid: number
  /** Milliseconds since 1970. */
  atime: number
  mtime: number
  ctime: number
  /** The number of names. */
  links: number
  /** The content of a file, in a buffer that may be larger, or the target of a link. */
  data: Buffer
  size: number
  /** The content and size at the last flush. */
  flushed: Buffer
  flushedSize: number
  /** The blocks that were written since the last flush. */
  readonly dirty: Set<number>
  /** The names in a folder, and those that are on the disk. */
  readonly names: Map<string, Inode>
  readonly flushedNames: Map<string, Inode>
  /** True if any of its names is on the disk. */
  isNamed: boolean
}

interface Edit {
  folder: Inode
  name: string
  /** Undefined if the name was removed. */
  inode: Inode | undefined
}

/** Changes of names that reach the disk together: one, or two of a rename. */
type Change = Edit[]

/** The choice of what reached the disk without a flush. */
export interface Luck {
  /** Returns whether a block, or the size of a file, is kept. */
  keep(): boolean
  /** Returns how many of the changes of names are kept: the first ones, because a journal has an order. */
  keepOf(changes: number): number
}

/** Nothing reached the disk without a flush. */
export const NO_LUCK: Luck = { keep: () => false, keepOf: () => 0 }

export interface LossyFiles {
  readonly root: Inode
  create(folder: Inode, name: string, mode: number, owner: { uid: number; gid: number }): Inode
  link(inode: Inode, folder: Inode, name: string): void
  remove(folder: Inode, name: string): void
  rename(from: Inode, name: string, to: Inode, newName: string): void
  write(inode: Inode, offset: number, data: Uint8Array): void
  resize(inode: Inode, size: number): void
  flush(inode: Inode): void
  /** Writes what a power loss at this moment leaves into a new folder. */
  writeTo(path: string, luck: Luck): void
}

export function makeLossyFiles(): LossyFiles {
  let inodes = 0
  /** The changes of names that are not on the disk, in their order. */
  let pending: Change[] = []
  const root = makeInode(FOLDER | 0o755, { uid: 0, gid: 0 })
  root.isNamed = true
  root.links = 1

  function makeInode(mode: number, { uid, gid }: { uid: number; gid: number }): Inode {
    const now = Date.now()
    const [empty, times] = [Buffer.alloc(0), { atime: now, mtime: now, ctime: now }]
    return {
      ...{ ino: ++inodes, mode, uid, gid, links: 0, data: empty, size: 0, flushed: empty, flushedSize: 0, ...times },
      ...{ dirty: new Set<number>(), names: new Map(), flushedNames: new Map(), isNamed: false },
    }
  }

  function change(...edits: Change): void {
    for (const { folder, name, inode } of edits) {
      const before = folder.names.get(name)
      if (before) before.links--
      if (inode) {
        folder.names.set(name, inode)
        inode.links++
      } else folder.names.delete(name)
      folder.mtime = folder.ctime = Date.now()
    }
    pending.push(edits)
  }

  /** Puts the chosen changes on the disk, with the earlier ones in the same folders. */
  function flushChanges(isChosen: (change: Change) => boolean): void {
    const folders = new Set<Inode>()
    const chosen = new Set<Change>()
    for (const change of pending.toReversed()) {
      if (!isChosen(change) && !change.some(({ folder }) => folders.has(folder))) continue
      chosen.add(change)
      for (const { folder } of change) folders.add(folder)
    }
    for (const change of pending) if (chosen.has(change)) applyTo(change, ({ flushedNames }) => flushedNames)
    pending = pending.filter((change) => !chosen.has(change))
    for (const change of chosen) for (const { inode } of change) if (inode) inode.isNamed = true
    // A folder is found only if its own name is on the disk.
    for (const folder of folders) flushName(folder)
  }

  function flushName(inode: Inode): void {
    if (!inode.isNamed) flushChanges((change) => change.some((edit) => edit.inode === inode))
  }

  return {
    root,
    create(folder, name, mode, owner) {
      const inode = makeInode(mode, owner)
      change({ folder, name, inode })
      return inode
    },
    link: (inode, folder, name) => change({ folder, name, inode }),
    remove: (folder, name) => change({ folder, name, inode: undefined }),
    rename(from, name, to, newName) {
      const inode = from.names.get(name)
      // Two names of the same file stay as they are.
      if (to.names.get(newName) === inode) return
      change({ folder: to, name: newName, inode }, { folder: from, name, inode: undefined })
    },
    write(inode, offset, data) {
      const end = offset + data.length
      reserve(inode, end)
      inode.data.set(data, offset)
      inode.size = Math.max(inode.size, end)
      markDirty(inode, offset, end)
      inode.mtime = inode.ctime = Date.now()
    },
    resize(inode, size) {
      reserve(inode, size)
      if (size < inode.size) {
        inode.data.fill(0, size, inode.size)
        markDirty(inode, size, inode.size)
      }
      inode.size = size
      inode.mtime = inode.ctime = Date.now()
    },
    flush(inode) {
      if ((inode.mode & TYPE_MASK) === FOLDER) flushChanges((change) => change.some(({ folder }) => folder === inode))
      else {
        inode.flushed = merge(inode, inode.size, () => true)
        inode.flushedSize = inode.size
        inode.dirty.clear()
      }
      if (inode.links > 0) flushName(inode)
    },
    writeTo(path, { keep, keepOf }) {
      const kept = new Map<Inode, Map<string, Inode>>()
      const namesOf = (folder: Inode) => {
        const names = kept.get(folder) ?? new Map(folder.flushedNames)
        kept.set(folder, names)
        return names
      }
      for (const change of pending.slice(0, keepOf(pending.length))) applyTo(change, namesOf)
      writeFolder(root, path, namesOf, keep)
    },
  }
}

function applyTo(change: Change, namesOf: (folder: Inode) => Map<string, Inode>): void {
  for (const { folder, name, inode } of change)
    if (inode) namesOf(folder).set(name, inode)
    else namesOf(folder).delete(name)
}

/** Makes the buffer of a file large enough. */
function reserve(inode: Inode, bytes: number): void {
  if (bytes <= inode.data.length) return
  const larger = Buffer.alloc(Math.max(bytes, Math.min(2 * inode.data.length, inode.data.length + 2 ** 24)))
  inode.data.copy(larger, 0, 0, inode.size)
  inode.data = larger
}

function markDirty({ dirty }: Inode, from: number, to: number): void {
  for (let block = Math.floor(from / BLOCK_BYTES); block * BLOCK_BYTES < to; block++) dirty.add(block)
}

/** Returns the content at the last flush, with the chosen blocks as they are now, and zeros up to a size. */
function merge(inode: Inode, size: number, keep: () => boolean): Buffer {
  const { data, flushed, flushedSize, dirty } = inode
  const merged = size <= flushed.length ? flushed : Buffer.alloc(Math.max(size, Math.min(data.length, 2 * size)))
  if (merged !== flushed) flushed.copy(merged, 0, 0, flushedSize)
  else if (size < flushedSize) merged.fill(0, size, flushedSize)
  for (const block of dirty) {
    const [from, to] = [block * BLOCK_BYTES, Math.min((block + 1) * BLOCK_BYTES, size, data.length)]
    if (from < to && keep()) data.copy(merged, from, from, to)
  }
  return merged
}

function writeFolder(
  folder: Inode,
  path: string,
  namesOf: (folder: Inode) => Map<string, Inode>,
  keep: () => boolean,
): void {
  mkdirSync(path)
  for (const [name, inode] of namesOf(folder)) {
    const at = join(path, name)
    const type = inode.mode & TYPE_MASK
    if (type === FOLDER) writeFolder(inode, at, namesOf, keep)
    else if (type === LINK) symlinkSync(inode.data.toString(), at)
    else if (type === FIFO) execFileSync('mkfifo', [at])
    else if (type === FILE) writeFileSync(at, contentAfterLoss(inode, keep))
    // Sockets are of no use without their process.
    else continue
    if (type !== LINK) chmodSync(at, inode.mode & 0o7777)
    if (type !== LINK) chownSync(at, inode.uid, inode.gid)
  }
}

/** Returns the content of a file after a power loss. Does not change the inode. */
function contentAfterLoss(inode: Inode, keep: () => boolean): Buffer {
  const { size, flushed, flushedSize, dirty } = inode
  const kept = size !== flushedSize && keep() ? size : flushedSize
  if (dirty.size === 0 && kept === flushedSize) return flushed.subarray(0, kept)
  const copy = { ...inode, flushed: Buffer.from(flushed.subarray(0, flushedSize)) }
  return merge(copy, kept, keep).subarray(0, kept)
}
