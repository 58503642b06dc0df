import { type Base, loadBase } from '../checkpoint/base.ts'
import { embeddedBase } from '../checkpoint/embedded-base.ts'
import { MINUTE_MS } from '../core/durations.ts'
import { fail } from '../core/errors.ts'
import { type Logger, stderrLogger } from '../core/logger.ts'
import { chooseDevice } from '../graph/runtime/devices/choose-device.ts'
import type { DeviceKind } from '../graph/runtime/devices/device-description.ts'
import { modelOf } from '../model/architectures.ts'
import { totalSize } from '../model/tensor-shapes.ts'
import { openEngine } from '../serving/engine.ts'
import type { Engine, EngineOptions } from '../serving/engine-types.ts'
import { combineEngines } from '../serving/engines.ts'
import type { ArtifactStorage } from './artifacts/artifacts.ts'
import { packBase } from './artifacts/pack-base.ts'
import { openUploads } from './files/uploads.ts'
import { baseFolder } from './offline/bases.ts'
import { type BackendOptions, openBackend } from './open-backend.ts'
import type { Platform } from './platform.ts'
import { type BaseRow, ensureBase, ensureEmbeddedBase, findBase } from './store/bases.ts'
import type { Store } from './store/store.ts'

export interface PlatformOptions extends BackendOptions {
  /**
   * The bases that answer predictions, as for {@link baseFolder}. The first one is the default of requests. Defaults to
   * the embedded base.
   */
  base?: string | readonly string[]
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
  base: named,
  threads,
  device = 'cpu',
  maxTokens,
  logger = stderrLogger,
  ...backendOptions
}: PlatformOptions = {}): Promise<OpenPlatform> {
  await chooseDevice(device, 'f32')
  // Both take a while, so they run at the same time.
  const opening = openBackend(backendOptions)
  const loading = Promise.all(toNames(named).map(async (name) => loadBase(await baseFolder(name))))
  const [opened] = await Promise.allSettled([opening, loading])
  if (opened.status === 'rejected') throw opened.reason
  const backend = opened.value
  try {
    const loaded = await loading
    requireDifferent(loaded)
    const { store, artifacts, cache } = backend
    const bases: BaseRow[] = []
    for (const base of loaded) bases.push(await registerBase(store, artifacts, base))
    const options = { folderOf: (digest: string) => cache.folder(digest), threads, device, maxTokens }
    const engine = await openEngines(loaded, bases, { ...options, deadlineMs: PREDICTION_DEADLINE_MS })
    const uploads = openUploads(backend.home)
    const close = async () => {
      await engine.close()
      uploads.close()
      await backend.close()
    }
    return { ...backend, engine, uploads, bases: bases as [BaseRow, ...BaseRow[]], logger, close }
  } catch (error) {
    await backend.close()
    throw error
  }
}

const toNames = (named: PlatformOptions['base']): readonly (string | undefined)[] =>
  typeof named === 'string' ? [named] : named?.length ? named : [undefined]

/** @throws GraftError `usage` if two of the bases are the same */
function requireDifferent(bases: readonly Base[]): void {
  const repeated = bases.find(({ fingerprint }, i) => bases.findIndex((other) => other.fingerprint === fingerprint) < i)
  if (repeated)
    fail('usage', {
      subject: 'base',
      problem: `has the weights of ${repeated.name} twice`,
      fix: 'Name each base once.',
    })
}

/** Opens an engine for each base. @throws GraftError; nothing stays open then */
async function openEngines(
  bases: readonly Base[],
  rows: readonly BaseRow[],
  options: Omit<EngineOptions, 'base'>,
): Promise<Engine> {
  const engines = new Map<string, Engine>()
  try {
    for (const [i, base] of bases.entries()) engines.set(rows[i].id, await openEngine({ ...options, base }))
    return combineEngines(engines)
  } catch (error) {
    for (const engine of engines.values()) await engine.close()
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
