/**
 * A process that serves {@link makeLossyFiles} as a file system, over the kernel's FUSE protocol (version 7.31, as in
 * include/uapi/linux/fuse.h). It handles one request at a time, so a power loss falls between two of them.
 *
 *   node bench/lossy-disk.ts MOUNTPOINT [ignore-flushes]
 *
 * Write JSON, `{"path": …, "seed": …}`, into the file `.power-loss` of the file system, and what a power loss at this
 * moment leaves is written to that path. With a seed, about half of what was not flushed is kept, otherwise nothing.
 */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { makeRandom } from '../core/random.ts'
import { FILE, FOLDER, type Inode, LINK, makeLossyFiles, NO_LUCK, TYPE_MASK } from './lossy-files.ts'

const { ENOENT, EEXIST, ENOTEMPTY, ENOSYS, EINVAL, EPERM, ENODEV, EINTR, EIO } = constants.errno
/** The kinds of requests that are served. The kernel does without the others. */
const Opcode = {
  lookup: 1,
  forget: 2,
  getAttributes: 3,
  setAttributes: 4,
  readLink: 5,
  symlink: 6,
  makeNode: 8,
  makeFolder: 9,
  unlink: 10,
  removeFolder: 11,
  rename: 12,
  link: 13,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  flushFile: 20,
  init: 26,
  openFolder: 27,
  readFolder: 28,
  releaseFolder: 29,
  flushFolder: 30,
  create: 35,
  interrupt: 36,
  forgetMany: 42,
  allocate: 43,
  rename2: 45,
} as const

const HEADER_BYTES = 40
const MAX_WRITE_BYTES = 2 ** 20
const CONTROL = '.power-loss'
/** The kernel is the only one who changes files, so its cache is always right. */
const CACHE_SECONDS = 1_000_000n
const DISK_BLOCKS = 2n ** 20n

/** Asynchronous reads, large writes and requests of more than 32 pages. */
const FLAGS = (1 << 0) | (1 << 5) | (1 << 22)

class Refusal extends Error {
  readonly errno: number
  constructor(errno: number) {
    super(String(errno))
    this.errno = errno
  }
}

const [, , mountPoint, ignoresFlushes] = process.argv
const files = makeLossyFiles()
/** The inodes that the kernel knows. */
const known = new Map<number, { inode: Inode; lookups: number }>([[1, { inode: files.root, lookups: 1 }]])
/** The names of folders when they were opened. */
const listings = new Map<number, [string, Inode][]>()
let opened = 0

const device = openSync('/dev/fuse', 'r+')
const options = 'fd=3,rootmode=40755,user_id=0,group_id=0,allow_other,default_permissions'
const [mount, ...args] = ['mount', '-i', '-t', 'fuse', 'graft-lossy-disk', mountPoint, '-o', options]
const mounting = spawn(mount, args, { stdio: ['ignore', 'inherit', 'inherit', device] })
mounting.unref()
function serve(): void {
  const buffer = Buffer.alloc(MAX_WRITE_BYTES + 2 ** 16)
  const pause = new Int32Array(new SharedArrayBuffer(4))
  for (;;) {
    let length = 0
    try {
      length = readSync(device, buffer, 0, buffer.length, null)
    } catch (error) {
      const errno = -((error as NodeJS.ErrnoException).errno ?? 0)
      // It was unmounted.
      if (errno === ENODEV) return
      // A request was interrupted, or it is not mounted yet.
      if (errno !== ENOENT && errno !== EINTR && errno !== EPERM) throw error
      if (errno === EPERM) Atomics.wait(pause, 0, 0, 5)
      continue
    }
    const request = buffer.subarray(0, length)
    const unique = request.readBigUInt64LE(8)
    let [errno, body]: [number, Buffer | undefined] = [0, undefined]
    try {
      body = handle(
        request.readUInt32LE(4),
        Number(request.readBigUInt64LE(16)),
        request,
        request.subarray(HEADER_BYTES),
      )
      if (body === undefined) continue
    } catch (error) {
      if (!(error instanceof Refusal)) console.error(error)
      errno = error instanceof Refusal ? error.errno : EIO
    }
    const header = Buffer.alloc(16)
    header.writeUInt32LE(16 + (body?.length ?? 0), 0)
    header.writeInt32LE(-errno, 4)
    header.writeBigUInt64LE(unique, 8)
    try {
      writeSync(device, body ? Buffer.concat([header, body]) : header)
    } catch (error) {
      // The request was interrupted.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
}

/** @returns the body of the response, or undefined for requests that have none */
function handle(opcode: number, node: number, request: Buffer, body: Buffer): Buffer | undefined {
  const u32 = (at: number) => body.readUInt32LE(at)
  const u64 = (at: number) => Number(body.readBigUInt64LE(at))
  const owner = { uid: request.readUInt32LE(24), gid: request.readUInt32LE(28) }
  const done = Buffer.alloc(0)
  const inode = known.get(node)?.inode as Inode
  switch (opcode) {
    case Opcode.lookup: {
      const found = inode.names.get(namesAt(body, 0)[0])
      return entryOf(found ?? refuse(ENOENT))
    }
    case Opcode.forget:
      return forget(node, u64(0))
    case Opcode.forgetMany:
      for (let i = 0; i < u32(0); i++) forget(u64(8 + 16 * i), u64(16 + 16 * i))
      return undefined
    case Opcode.getAttributes:
      return attributesAnswer(inode)
    case Opcode.setAttributes: {
      const valid = u32(0)
      if (valid & 1) inode.mode = (inode.mode & TYPE_MASK) | (u32(68) & 0o7777)
      if (valid & 2) inode.uid = u32(76)
      if (valid & 4) inode.gid = u32(80)
      if (valid & 8) files.resize(inode, u64(16))
      if (valid & 16) inode.atime = valid & 128 ? Date.now() : u64(32) * 1000 + u32(56) / 1e6
      if (valid & 32) inode.mtime = valid & 256 ? Date.now() : u64(40) * 1000 + u32(60) / 1e6
      inode.ctime = Date.now()
      return attributesAnswer(inode)
    }
    case Opcode.readLink:
      return inode.data
    case Opcode.symlink: {
      const [name, target] = namesAt(body, 0)
      const link = createIn(inode, name, LINK | 0o777, owner)
      link.data = Buffer.from(target)
      link.size = link.data.length
      return entryOf(link)
    }
    case Opcode.makeNode:
      return entryOf(createIn(inode, namesAt(body, 16)[0], u32(0), owner))
    case Opcode.makeFolder:
      return entryOf(createIn(inode, namesAt(body, 8)[0], FOLDER | (u32(0) & 0o7777), owner))
    case Opcode.unlink:
    case Opcode.removeFolder: {
      const [name] = namesAt(body, 0)
      const found = inode.names.get(name) ?? refuse(ENOENT)
      if (opcode === Opcode.removeFolder && found.names.size > 0) refuse(ENOTEMPTY)
      files.remove(inode, name)
      return done
    }
    case Opcode.rename:
    case Opcode.rename2: {
      const flags = opcode === Opcode.rename2 ? u32(8) : 0
      const target = known.get(u64(0))?.inode as Inode
      const [name, newName] = namesAt(body, opcode === Opcode.rename2 ? 16 : 8)
      const replaced = target.names.get(newName)
      if (!inode.names.has(name)) refuse(ENOENT)
      if (flags > 1) refuse(EINVAL)
      if (flags === 1 && replaced) refuse(EEXIST)
      if (replaced && replaced.names.size > 0) refuse(ENOTEMPTY)
      files.rename(inode, name, target, newName)
      return done
    }
    case Opcode.link: {
      const linked = known.get(u64(0))?.inode as Inode
      const [name] = namesAt(body, 8)
      if (inode.names.has(name)) refuse(EEXIST)
      files.link(linked, inode, name)
      return entryOf(linked)
    }
    case Opcode.open:
      return openAnswer(0)
    case Opcode.read:
      return inode.data.subarray(Math.min(u64(8), inode.size), Math.min(u64(8) + u32(16), inode.size))
    case Opcode.write: {
      const data = body.subarray(40, 40 + u32(16))
      if (inode === files.root.names.get(CONTROL)) losePower(data)
      else files.write(inode, u64(8), data)
      const written = Buffer.alloc(8)
      written.writeUInt32LE(data.length)
      return written
    }
    case Opcode.statfs:
      return statfsAnswer()
    case Opcode.release:
      return done
    case Opcode.flushFile:
    case Opcode.flushFolder:
      if (!ignoresFlushes) files.flush(inode)
      return done
    case Opcode.init: {
      const answer = Buffer.alloc(64)
      for (const [i, value] of [7, 31, u32(8), u32(12) & FLAGS].entries()) answer.writeUInt32LE(value >>> 0, 4 * i)
      for (const [at, value] of [
        [16, 32],
        [18, 24],
        [28, MAX_WRITE_BYTES / 4096],
      ])
        answer.writeUInt16LE(value, at)
      for (const [at, value] of [
        [20, MAX_WRITE_BYTES],
        [24, 1],
      ])
        answer.writeUInt32LE(value, at)
      return answer
    }
    case Opcode.openFolder:
      listings.set(++opened, [...inode.names])
      return openAnswer(opened)
    case Opcode.readFolder:
      return listingFrom(listings.get(u64(0)) ?? [], u64(8), u32(16))
    case Opcode.releaseFolder:
      listings.delete(u64(0))
      return done
    case Opcode.create: {
      const created = createIn(inode, namesAt(body, 16)[0], FILE | (u32(4) & 0o7777), owner)
      return Buffer.concat([entryOf(created), openAnswer(0)])
    }
    case Opcode.interrupt:
      return undefined
    case Opcode.allocate: {
      // Only the plain mode and the one that keeps the size.
      if (u32(24) > 1) refuse(constants.errno.EOPNOTSUPP)
      if (u32(24) === 0 && u64(8) + u64(16) > inode.size) files.resize(inode, u64(8) + u64(16))
      return done
    }
    default:
      return refuse(ENOSYS)
  }
}

function refuse(errno: number): never {
  throw new Refusal(errno)
}

const namesAt = (body: Buffer, at: number): string[] => body.toString('utf8', at).split('\0')

function createIn(folder: Inode, name: string, mode: number, owner: { uid: number; gid: number }): Inode {
  if (folder.names.has(name)) refuse(EEXIST)
  return files.create(folder, name, mode, owner)
}

function forget(node: number, lookups: number): undefined {
  const entry = known.get(node)
  if (!entry || entry.inode === files.root) return
  entry.lookups -= lookups
  if (entry.lookups <= 0) known.delete(node)
}

function losePower(request: Buffer): void {
  const { path, seed } = JSON.parse(request.toString()) as { path: string; seed?: number }
  const { uniform, integer } = makeRandom(seed ?? 0, 'power loss')
  files.writeTo(path, seed === undefined ? NO_LUCK : { keep: () => uniform() < 0.5, keepOf: (n) => integer(n + 1) })
}

function attributesOf(inode: Inode): Buffer {
  const answer = Buffer.alloc(88)
  const seconds = (ms: number) => BigInt(Math.floor(ms / 1000))
  const times = [inode.atime, inode.mtime, inode.ctime]
  const long = [BigInt(inode.ino), BigInt(inode.size), BigInt(Math.ceil(inode.size / 512)), ...times.map(seconds)]
  for (const [i, value] of long.entries()) answer.writeBigUInt64LE(value, 8 * i)
  const nanoseconds = times.map((ms) => Math.floor((ms % 1000) * 1e6))
  const isFolder = (inode.mode & TYPE_MASK) === FOLDER
  const short = [...nanoseconds, inode.mode, isFolder ? 2 : inode.links, inode.uid, inode.gid, 0, 4096]
  for (const [i, value] of short.entries()) answer.writeUInt32LE(value >>> 0, 48 + 4 * i)
  return answer
}

function attributesAnswer(inode: Inode): Buffer {
  const head = Buffer.alloc(16)
  head.writeBigUInt64LE(CACHE_SECONDS)
  return Buffer.concat([head, attributesOf(inode)])
}

/** Returns an entry, which the kernel will forget later. */
function entryOf(inode: Inode): Buffer {
  const entry = known.get(inode.ino) ?? { inode, lookups: 0 }
  entry.lookups++
  known.set(inode.ino, entry)
  const head = Buffer.alloc(40)
  for (const [i, value] of [BigInt(inode.ino), 0n, CACHE_SECONDS, CACHE_SECONDS].entries())
    head.writeBigUInt64LE(value, 8 * i)
  return Buffer.concat([head, attributesOf(inode)])
}

function openAnswer(handle: number): Buffer {
  const answer = Buffer.alloc(16)
  answer.writeBigUInt64LE(BigInt(handle))
  // FOPEN_KEEP_CACHE, for files.
  answer.writeUInt32LE(handle === 0 ? 2 : 0, 8)
  return answer
}

function statfsAnswer(): Buffer {
  const answer = Buffer.alloc(80)
  for (const [i, value] of [DISK_BLOCKS, DISK_BLOCKS, DISK_BLOCKS, DISK_BLOCKS, DISK_BLOCKS].entries())
    answer.writeBigUInt64LE(value, 8 * i)
  for (const [i, value] of [4096, 255, 4096].entries()) answer.writeUInt32LE(value, 40 + 4 * i)
  return answer
}

function listingFrom(names: [string, Inode][], from: number, bytes: number): Buffer {
  const entries: Buffer[] = []
  let left = bytes
  for (const [i, [name, inode]] of names.entries()) {
    if (i < from) continue
    const text = Buffer.from(name)
    const entry = Buffer.alloc(Math.ceil((24 + text.length) / 8) * 8)
    if (entry.length > left) break
    left -= entry.length
    entry.writeBigUInt64LE(BigInt(inode.ino), 0)
    entry.writeBigUInt64LE(BigInt(i + 1), 8)
    entry.writeUInt32LE(text.length, 16)
    entry.writeUInt32LE((inode.mode & TYPE_MASK) >>> 12, 20)
    text.copy(entry, 24)
    entries.push(entry)
  }
  return Buffer.concat(entries)
}

serve()
closeSync(device)
