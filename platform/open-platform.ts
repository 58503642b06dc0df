import { join } from 'node:path'
import { inspect } from 'node:util'
import { type Base, loadBase } from '../checkpoint/base.ts'
import { embeddedBase } from '../checkpoint/embedded-base.ts'
import { chooseDevice } from '../graph/runtime/choose-device.ts'
import type { DeviceKind } from '../graph/runtime/device-description.ts'
import { baseTensors, countOf } from '../model/tensors.ts'
import { openEngine } from '../serving/engine.ts'
import type { Artifacts } from './artifacts/artifacts.ts'
import { openArtifacts } from './artifacts/open-artifacts.ts'
import { packFolder } from './artifacts/pack-folder.ts'
import { baseFolder } from './bases.ts'
import { openFolders } from './folders.ts'
import { openJobs } from './jobs/open-jobs.ts'
import type { Platform } from './platform.ts'
import { type BaseRow, ensureBase, findBase } from './store/bases.ts'
import { graftHome } from './store/home.ts'
import { openStore } from './store/open-store.ts'
import type { Store } from './store/store.ts'

export interface PlatformOptions {
  /** The folder of the base on which predictions are answered; the embedded one where absent. */
  base?: string
  /** Threads that answer; one for each core where absent. */
  threads?: number
  device?: DeviceKind
  /** What is kept on this machine; see {@link graftHome}. */
  home?: string
  /** A folder or `s3://…`; GRAFT_ARTIFACTS, or `artifacts` in the home folder, where absent. */
  artifacts?: string
  report?: Platform['report']
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
  home = graftHome(),
  artifacts: location = process.env.GRAFT_ARTIFACTS || join(home, 'artifacts'),
  report = (error, id) => process.stderr.write(`${id}: ${inspect(error)}\n`),
}: PlatformOptions = {}): Promise<OpenPlatform> {
  await chooseDevice(device, 'f32')
  const closers: (() => Promise<void>)[] = []
  const close = async () => {
    for (const each of closers.splice(0).reverse()) await each()
  }
  try {
    // The slowest first, so that the rest is done meanwhile.
    const opening = openStore({ home })
    closers.push(async () => (await opening.catch(() => undefined))?.close())
    const loaded = await loadBase(baseFolder(baseDir))
    const artifacts = await openArtifacts(location)
    const folders = openFolders(artifacts, join(home, 'cache'))
    const folderOf = (digest: string) => folders.folder(digest)
    const starting = openEngine({ base: loaded, folderOf, threads, device })
    closers.push(async () => (await starting.catch(() => undefined))?.close())
    const store = await opening
    const base = await registerBase(store, artifacts, loaded)
    const jobs = await openJobs(store)
    closers.push(() => jobs.close())
    return { store, artifacts, folders, jobs, engine: await starting, base, home, report, close }
  } catch (error) {
    await close()
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
