import { basename, resolve } from 'node:path'
import { inspect } from 'node:util'
import { loadBase } from '../checkpoint/base.ts'
import { chooseDevice } from '../graph/runtime/choose-device.ts'
import type { DeviceKind } from '../graph/runtime/device-description.ts'
import { openEngine } from '../serving/engine.ts'
import { baseFolder } from './bases.ts'
import type { Platform } from './platform.ts'

export interface PlatformOptions {
  base?: string
  checkpoints: readonly string[]
  threads?: number
  device?: DeviceKind
}

/** Loads a base and the adapters to serve. Close its engine when done. */
export async function openPlatform({
  base = 'embedded',
  checkpoints,
  threads,
  device = 'cpu',
}: PlatformOptions): Promise<Platform> {
  await chooseDevice(device, 'f32')
  const loaded = await loadBase(baseFolder(base))
  const engine = await openEngine({ base: loaded, checkpoints, threads, device })
  const names = [base, loaded.name, basename(resolve(loaded.dir))]
  return {
    engine,
    bases: new Map(names.map((name) => [name, loaded.t5])),
    report: (error, id) => process.stderr.write(`${id}: ${inspect(error)}\n`),
  }
}
