import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Target } from './target.ts'

const PATIENCE_MS = 20_000

/** Returns the files that a refused upload could have left. */
export function findLeftovers({ home, disk }: Target): string[] {
  const folders = [join(home, 'work'), join(home, 'artifacts', 'partial'), join(disk, 'tmp')]
  return folders.flatMap((folder) => {
    const entries = existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : []
    return entries.flatMap((entry) =>
      entry.isFile() && !entry.name.includes('.lock') ? [join(entry.parentPath, entry.name)] : [],
    )
  })
}

/** Waits until nothing is left of uploads whose clients have gone. @returns what remains if that does not happen */
export async function waitUntilTidy(target: Target): Promise<string[]> {
  const until = Date.now() + PATIENCE_MS
  while (Date.now() < until && findLeftovers(target).length > 0) await pause(50)
  return findLeftovers(target)
}
