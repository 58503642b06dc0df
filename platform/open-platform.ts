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
import { combineEngines } from '../serving/engines.ts'
import { requireDeviceFor } from '../serving/precision.ts'
import type { ArtifactStorage } from './artifacts/artifacts.ts'
import { packBase } from './artifacts/pack-base.ts'
import { openUploads } from './files/uploads.ts'
import { baseFolder } from './offline/bases.ts'
import { choosePrecision, type PrecisionChoice } from './offline/choose-precision.ts'
import { measureDrift } from './offline/drift.ts'
import { type BackendOptions, openBackend } from './open-backend.ts'
import type { Platform } from './platform.ts'
import type { Drift, PrecisionRequest } from './schemas/precisions.ts'
import { type BaseRow, ensureBase, ensureEmbeddedBase, findBase, nameHubBase, updateBaseDrift } from './store/bases.ts'
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
  /** The precision of predictions. Defaults to `f32`. */
  precision?: PrecisionRequest
  /** Called with the precision of each base and the reason. */
  onPrecision?(choice: PrecisionChoice & { base: string }): void
  /** The most tokens that an adapter may read at once, virtual tokens included. Defaults to 2,048. */
  maxTokens?: number
  /** Defaults to a logger that writes to stderr. */
  logger?: Logger
  /** True for a process that answers one request at a time: it starts sooner. Defaults to false. */
  alone?: boolean
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
  precision = 'f32',
  onPrecision = () => {},
  maxTokens,
  logger = stderrLogger,
  alone,
  ...backendOptions
}: PlatformOptions = {}): Promise<OpenPlatform> {
  await chooseDevice(device, 'f32')
  if (precision === 'int8') requireDeviceFor(precision, device)
  const opening = openBackend(backendOptions)
  const options = {
    folderOf: async (digest: string) => (await opening).cache.folder(digest),
    threads,
    device,
    maxTokens,
    deadlineMs: PREDICTION_DEADLINE_MS,
    alone,
  }
  const loading = toNames(named).map(async (name) => loadBase(await baseFolder(name)))
  // All of this takes a while, so it happens at the same time. An engine whose precision depends on what a base has
  // stored opens later.
  const engines = precision === 'auto' ? [] : loading.map((base) => openEngine({ ...options, base, precision }))
  // Each is awaited below, perhaps after it has failed.
  for (const promise of [...loading, ...engines]) promise.catch(() => {})
  try {
    const backend = await opening
    const loaded = await Promise.all(loading)
    requireDifferent(loaded)
    const bases: BaseRow[] = []
    for (const [i, base] of loaded.entries()) {
      const row = await registerBase(backend.store, backend.artifacts, base)
      const choice = await choosePrecision(precision, device, () => driftOf(backend.store, row, base, threads))
      if (precision !== 'f32') onPrecision({ base: row.name, ...choice })
      bases.push({ ...row, int8_drift: choice.drift ?? row.int8_drift })
      engines[i] ??= openEngine({ ...options, base, precision: choice.precision })
    }
    const opened = await Promise.all(engines)
    const engine = combineEngines(new Map(bases.map(({ id }, i) => [id, opened[i]])))
    const uploads = openUploads(backend.home)
    const close = async () => {
      await engine.close()
      uploads.close()
      await backend.close()
    }
    return { ...backend, engine, uploads, bases: bases as [BaseRow, ...BaseRow[]], logger, close }
  } catch (error) {
    for (const { value } of await fulfilled(engines)) await value.close()
    for (const { value } of await fulfilled([opening])) await value.close()
    throw error
  }
}

/** Returns those that do not fail, once all are settled. */
const fulfilled = async <T>(promises: readonly Promise<T>[]): Promise<PromiseFulfilledResult<T>[]> =>
  (await Promise.allSettled(promises)).filter((result) => result.status === 'fulfilled')

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

/** Returns what int8 changes for a base. Measures it if the store does not have it yet, which takes a few seconds. */
async function driftOf({ db }: Store, row: BaseRow, base: Base, threads?: number): Promise<Drift> {
  if (row.int8_drift) return row.int8_drift
  const drift = await measureDrift(base, threads)
  await updateBaseDrift(db, row.id, drift)
  return drift
}

/**
 * Ensures that the base has a row and that its files are in the artifact storage, where workers on other machines find
 * them.
 */
async function registerBase({ db }: Store, artifacts: ArtifactStorage, base: Base): Promise<BaseRow> {
  const { dir, hub, fingerprint, config, tensors } = base
  const row = {
    fingerprint,
    config,
    parameters: totalSize(modelOf(base).tensors),
    bytes: [...tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0),
  }
  if (dir === embeddedBase) return ensureEmbeddedBase(db, row)
  const { name, isKnown } = hub
    ? await nameHubBase(db, hub, fingerprint)
    : { name: base.name, isKnown: (await findBase(db, base.name)) !== undefined }
  const artifact = isKnown ? null : (await artifacts.put(await packBase(base))).digest
  return ensureBase(db, { ...row, name, artifact })
}
