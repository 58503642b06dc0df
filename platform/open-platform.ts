import { type Base, loadBase } from '../checkpoint/base.ts'
import { embeddedBase } from '../checkpoint/embedded-base.ts'
import { type Logger, stderrLogger } from '../core/logger.ts'
import { chooseDevice } from '../graph/runtime/devices/choose-device.ts'
import type { DeviceKind } from '../graph/runtime/devices/device-description.ts'
import { baseTensors, countOf } from '../model/t5/tensors.ts'
import { openEngine } from '../serving/engine.ts'
import type { Artifacts } from './artifacts/artifacts.ts'
import { packFolder } from './artifacts/pack-folder.ts'
import { baseFolder } from './offline/bases.ts'
import { type BackendOptions, openBackend } from './open-workplace.ts'
import type { Platform } from './platform.ts'
import { type BaseRow, ensureBase, findBase } from './store/bases.ts'
import type { Store } from './store/store.ts'

export interface PlatformOptions extends BackendOptions {
  /** The folder of the base on which predictions are answered; the embedded one where absent. */
  base?: string
  /** Threads that answer; one for each core where absent. */
  threads?: number
  device?: DeviceKind
  /** Defaults to stderr. */
  logger?: Logger
}

export interface OpenPlatform extends Platform {
  readonly home: string
  close(): Promise<void>
}

/**
 * Opens the store, the artifacts and the queue of jobs, and the engine that answers.
 * @throws GraftError what is wrong with any of them; nothing stays open then
 */
export async function openPlatform({
  base: baseDir,
  threads,
  device = 'cpu',
  logger = stderrLogger,
  ...places
}: PlatformOptions = {}): Promise<OpenPlatform> {
  await chooseDevice(device, 'f32')
  // Both take a while; each is closed where the other fails.
  const opening = openBackend(places)
  const loading = loadBase(baseFolder(baseDir))
  const [opened] = await Promise.allSettled([opening, loading])
  if (opened.status === 'rejected') throw opened.reason
  const workplace = opened.value
  try {
    const base = await loading
    const { store, artifacts, cache } = workplace
    const row = await registerBase(store, artifacts, base)
    const engine = await openEngine({ base, folderOf: (digest) => cache.folder(digest), threads, device })
    const close = async () => {
      await engine.close()
      await workplace.close()
    }
    return { ...workplace, engine, base: row, logger, close }
  } catch (error) {
    await workplace.close()
    throw error
  }
}

/** The row of a base, with its files among the artifacts, so that a worker on another machine finds them. */
async function registerBase({ db }: Store, artifacts: Artifacts, base: Base): Promise<BaseRow> {
  const { dir, name, fingerprint, t5: shape, tensors } = base
  const embedded = dir === embeddedBase
  const row = {
    name: embedded ? 'embedded' : name,
    fingerprint,
    shape,
    parameters: countOf(baseTensors(shape)),
    bytes: [...tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0),
  }
  const known = await findBase(db, row.name)
  const artifact = embedded || known ? null : (await artifacts.put(packFolder(dir))).digest
  return ensureBase(db, { ...row, artifact })
}
