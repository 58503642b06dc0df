import { basename, resolve } from 'node:path'
import { inspect } from 'node:util'
import { loadBase } from '../checkpoint/base.ts'
import { chooseDevice } from '../graph/runtime/choose-device.ts'
import type { DeviceKind } from '../graph/runtime/device-description.ts'
import { openEngine } from '../serving/engine.ts'
import type { Engine } from '../serving/engine-types.ts'
import { baseFolder } from './bases.ts'
import type { Platform, ServedAdapter } from './platform.ts'

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
  const folders = new Map(uniqueNames(checkpoints).map((id, i) => [id, checkpoints[i]]))
  const folderOf = async (id: string) => folders.get(id) as string
  const engine = await openEngine({ base: loaded, folderOf, threads, device })
  const names = [base, loaded.name, basename(resolve(loaded.dir))]
  const adapters = await describe(engine, [...folders.keys()])
  return {
    engine,
    adapters,
    bases: new Map(names.map((name) => [name, loaded.t5])),
    report: (error, id) => process.stderr.write(`${id}: ${inspect(error)}\n`),
  }
}

async function describe(engine: Engine, ids: readonly string[]): Promise<ServedAdapter[]> {
  try {
    return await Promise.all(ids.map(async (id) => ({ id, name: id, ...(await engine.load(id)) })))
  } catch (error) {
    await engine.close()
    throw error
  }
}

/** Two folders may bear one name: the second `x` is `x-2`. */
function uniqueNames(folders: readonly string[]): string[] {
  const taken = new Set<string>()
  return folders.map((folder) => {
    const name = basename(resolve(folder))
    let free = name
    for (let i = 2; taken.has(free); i++) free = `${name}-${i}`
    taken.add(free)
    return free
  })
}
