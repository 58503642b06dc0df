import { statfs } from 'node:fs/promises'
import { fail } from './errors.ts'

const MIB = 2 ** 20

/**
 * The free space that the writes of clients and workers leave on a disk: four segments of the write-ahead log, 16 MiB
 * each. A database that cannot extend its log stops, and may answer wrongly before it does. While writes are refused,
 * it still stores heartbeats and events, and it needs room to start again.
 */
export const DISK_RESERVE_BYTES = 64 * MIB

/** The free space that copies of adapters leave. It is less, so that predictions continue while writes are refused. */
export const COPY_RESERVE_BYTES = DISK_RESERVE_BYTES / 2

/** The bytes that are written between two looks at the disk. */
const CHECK_INTERVAL_BYTES = MIB

/** A write that must leave free space. */
export interface DiskUse {
  /** The folder that is written to. */
  folder: string
  /** The name of the folder in errors, because users do not know the paths of a server. Defaults to its path. */
  name?: string
  /** The bytes that must stay free. Defaults to DISK_RESERVE_BYTES. */
  reserve?: number
}

/**
 * Requires that a disk has room for a number of bytes and the reserve. A disk whose free space is unknown passes: its
 * folder does not exist, or its file system does not say.
 * @throws GraftError `disk_full`
 */
export async function requireDiskSpace(
  { folder, name = folder, reserve = DISK_RESERVE_BYTES }: DiskUse,
  bytes = 0,
): Promise<void> {
  const disk = await statfs(folder).catch(() => undefined)
  // `bavail` are the blocks that a user without privileges may write.
  const free = disk && disk.blocks > 0 ? disk.bavail * disk.bsize : Number.POSITIVE_INFINITY
  if (free - bytes >= reserve) return
  fail('disk_full', {
    subject: `the disk of ${name}`,
    problem: `has ${formatMib(free)} of free space, ${bytes > MIB ? `too little for ${formatMib(bytes)} and` : 'less than'} the reserve of ${formatMib(reserve)}`,
    fix: 'Free some space there and try again. Until then nothing new is stored or trained, but predictions continue.',
  })
}

/**
 * Yields content that is being written to a disk, and stops before it uses up the reserve.
 * @throws GraftError `disk_full`
 */
export async function* leaveReserve(
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  use: DiskUse,
): AsyncGenerator<Uint8Array> {
  let unchecked = CHECK_INTERVAL_BYTES
  for await (const chunk of content) {
    unchecked += chunk.length
    if (unchecked >= CHECK_INTERVAL_BYTES) {
      await requireDiskSpace(use, chunk.length)
      unchecked = 0
    }
    yield chunk
  }
}

const formatMib = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`
