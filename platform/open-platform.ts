import { type Base, loadBase } from '../checkpoint/base.ts'
import { embeddedBase } from '../checkpoint/embedded-base.ts'
import { MINUTE_MS } from '../core/durations.ts'
import { type Logger, stderrLogger } from '../core/logger.ts'
import { chooseDevice } from '../graph/runtime/devices/choose-device.ts'
import type { DeviceKind } from '../graph/runtime/devices/device-description.ts'
import { modelOf } from '../model/architectures.ts'
import { totalSize } from '../model/tensor-shapes.ts'
import { openEngine } from '../serving/engine.ts'
import type { ArtifactStorage } from './artifacts/artifacts.ts'
import { packBase } from './artifacts/pack-base.ts'
import { openUploads } from './files/uploads.ts'
import { baseFolder } from './offline/bases.ts'
import { type BackendOptions, openBackend } from './open-backend.ts'
import type { Platform } from './platform.ts'
import { type BaseRow, ensureBase, ensureEmbeddedBase, findBase } from './store/bases.ts'
import type { Store } from './store/store.ts'

export interface PlatformOptions extends BackendOptions {
  /** The base that answers predictions, as for {@link baseFolder}. Defaults to the embedded base. */
  base?: string
  /** Threads that answer predictions. Defaults to one for each core. */
  threads?: number
  /** The device that answers predictions. Defaults to `cpu`. */
  device?: DeviceKind
  /** The most tokens that an adapter may read at once, virtual tokens included. Defaults to 2,048. */
  maxTokens?: number
  /** Defaults to a logger that writes to stderr. */
  logger?: Logger
}

/** A prediction that takes longer has no one who waits for it: clients and proxies give up after a minute. */
const PREDICTION_DEADLINE_MS = MINUTE_MS

export interface OpenPlatform extends Platform {
  readonly home: string
  close(): Promise<void>
}

/**
 * Opens the backend and the engine that answers predictions.
 * @throws GraftError if either of them cannot be opened; nothing stays open then
 */
export async function openPlatform({
  base: baseDir,
  threads,
  device = 'cpu',
  maxTokens,
  logger = stderrLogger,
  ...backendOptions
}: PlatformOptions = {}): Promise<OpenPlatform> {
  await chooseDevice(device, 'f32')
  // Both take a while, so they run at the same time.
  const opening = openBackend(backendOptions)
  const loading = baseFolder(baseDir).then(loadBase)
  const [opened] = await Promise.allSettled([opening, loading])
  if (opened.status === 'rejected') throw opened.reason
  const backend = opened.value
  try {
    const base = await loading
    const { store, artifacts, cache } = backend
    const row = await registerBase(store, artifacts, base)
    const engine = await openEngine({
      base,
      folderOf: (digest) => cache.folder(digest),
      threads,
      device,
      maxTokens,
      deadlineMs: PREDICTION_DEADLINE_MS,
    })
    const uploads = openUploads(backend.home)
    const close = async () => {
      await engine.close()
      uploads.close()
      await backend.close()
    }
    return { ...backend, engine, uploads, base: row, logger, close }
  } catch (error) {
    await backend.close()
    throw error
  }
}

/**
 * Ensures that the base has a row and that its files are in the artifact storage, where workers on other machines find
 * them.
 */
async function registerBase({ db }: Store, artifacts: ArtifactStorage, base: Base): Promise<BaseRow> {
  const { dir, name, fingerprint, config, tensors } = base
  const row = {
    fingerprint,
    config,
    parameters: totalSize(modelOf(base).tensors),
    bytes: [...tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0),
  }
  if (dir === embeddedBase) return ensureEmbeddedBase(db, row)
  const artifact = (await findBase(db, name)) ? null : (await artifacts.put(await packBase(base))).digest
  return ensureBase(db, { ...row, name, artifact })
}
