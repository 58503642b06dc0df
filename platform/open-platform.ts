import { basename, resolve } from 'node:path'
import { openEngine } from '../serving/engine.ts'
import { baseFolder, baseShape } from './bases.ts'
import type { Platform } from './platform.ts'

export interface PlatformOptions {
  base?: string
  checkpoints: readonly string[]
  threads?: number
}

/** Loads a base and the adapters to serve. Close its engine when done. */
export async function openPlatform({ base = 'embedded', checkpoints, threads }: PlatformOptions): Promise<Platform> {
  const engine = await openEngine({ base: baseFolder(base), checkpoints, threads })
  const shape = await baseShape(base)
  return {
    engine,
    bases: new Map([base, basename(resolve(baseFolder(base)))].map((name) => [name, shape])),
    report: (error, id) => process.stderr.write(`${id}: ${error instanceof Error ? error.stack : String(error)}\n`),
  }
}
