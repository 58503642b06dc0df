import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { fail } from '../core/errors.ts'
import type { Model } from '../model/architecture.ts'
import { modelOf } from '../model/architectures.ts'
import { type MethodConfig, parseMethod } from '../model/methods/registry.ts'
import {
  type ParameterValues,
  readValues,
  renameValues,
  requireTensorsOf,
  tensorNamesIn,
  toTensors,
} from './adapter-tensors.ts'
import { readAdapterWeights } from './adapter-weights.ts'
import type { Base } from './base.ts'
import { fileIn, parseObject, readExistingFiles } from './files.ts'
import { DEFAULT_NAMING, type Layout, type Naming } from './layout.ts'
import { defaultLayout, detectLayout, findWeightsFiles, layouts } from './layouts.ts'
import {
  formatManifest,
  MANIFEST_FILE,
  type Manifest,
  type ManifestFields,
  makeManifest,
  readManifest,
  requireSameBase,
  requireSameWeights,
} from './manifest.ts'
import { CARD_FILE, formatModelCard } from './model-card.ts'
import { makeProbeSettings, probeAdapter, requireSavedLogits } from './probe-logits.ts'
import { encodeSafetensors } from './safetensors.ts'
import type { Shapes } from './tensor-file.ts'
import { encodeTorch } from './torch/encode.ts'
import { requireFreeFolder, writeFolder } from './write-folder.ts'

/** A method with trained values of its parameters. */
export interface TrainedMethod {
  readonly method: MethodConfig
  readonly values: ParameterValues
}

/** An adapter of a base, as loaded from its folder. */
export interface Adapter extends TrainedMethod {
  readonly layout: string
  readonly naming: Naming
  /** SHA-256 of the weights file, hex, as `sha256sum` prints it. */
  readonly digest: string
  /**
   * SHA-256, hex, over everything that affects an answer: weights, method, label words, truncation, temperature. It is
   * the key of caches, because equal weights give different answers with a different alpha or label word.
   */
  readonly key: string
  /** The contents of `graft.json`. Not set in folders of the Python libraries. */
  readonly manifest?: Manifest
  /** The text of the library's configuration, so that saving again gives the same bytes. */
  readonly libraryConfig: string
}

export interface LoadOptions {
  /** Loads folders without `graft.json` as well, as the Python libraries save them. Defaults to true. */
  allowNoManifest?: boolean
  /** Throws if the adapter must not be loaded. Called before the weights are read. */
  requireAllowed?(method: MethodConfig, manifest: Manifest | undefined): void
}

/**
 * Loads an adapter strictly and checks that it computes the same on this base as when it was saved.
 * @throws GraftError `file_missing`, `base_mismatch`, `checkpoint_config`, `checkpoint_tensors`, `checkpoint_corrupt`,
 * `adapter_inert`
 */
export async function loadAdapter(
  dir: string,
  base: Base,
  { allowNoManifest = true, requireAllowed }: LoadOptions = {},
): Promise<Adapter> {
  const model = modelOf(base)
  const { layout, config, text, subject } = await detectLayout(dir)
  const manifest = (await readManifest(dir)) ?? (allowNoManifest ? undefined : throwManifestMissing(dir))
  if (manifest) requireSameBase(manifest, base, fileIn(dir, MANIFEST_FILE))
  const { method, adapter = DEFAULT_NAMING.adapter } = layout.parseConfig(config, model, subject)
  requireAllowed?.(method, manifest)
  await layout.head?.requireSame(dir, base)
  const [file] = await findWeightsFiles(layout, dir)
  const weights = fileIn(dir, file)
  const namingOf = (tensors: Shapes): Naming => ({
    adapter,
    prefix: findPrefix(layout, method, adapter, tensors, model),
  })
  const check = (found: Shapes) =>
    requireTensorsOf(method, tensorNamesIn(layout, method, namingOf(found), model), model, found, weights)
  const { tensors, sha256: digest } = layout.readWeights
    ? await layout.readWeights(dir, base, check)
    : await readAdapterWeights(join(dir, file), check)
  if (manifest) requireSameWeights(manifest, digest, weights)
  const naming = namingOf(tensors)
  const values = readValues(tensors, tensorNamesIn(layout, method, naming, model), method, model, weights)
  if (manifest) await requireSavedLogits(base, { method, values }, manifest.probe, weights)
  else await probeAdapter(base, method, values, makeProbeSettings(model), weights)
  return addKey({ method, layout: layout.name, naming, values, digest, manifest, libraryConfig: text })
}

/** The fields to record in `graft.json`. */
export interface SaveFields extends ManifestFields {
  /** The token ids whose logits to store, such as those of the label words. Defaults to the first eight. */
  probe_ids?: readonly number[]
  /** Further files for people, by name. No reader of the folder needs them. Defaults to none. */
  files?: Readonly<Record<string, string>>
}

/**
 * Saves an adapter in its library's layout, with `graft.json` added, completely or not at all. OpenDelta's bottleneck
 * is saved in AdapterHub's layout as `double_seq_bn` with tanh gelu, which computes the same function, and loads as
 * that.
 *
 * @param adapter a loaded adapter, or a trained method. If `layout` is not set, it is the default layout of the method
 * @param fields the fields to record. Default to those of the adapter's manifest
 * @returns the adapter as {@link loadAdapter} would load it
 * @throws GraftError `output_exists`, `disk_full`, `checkpoint_config` if the layout cannot store the method,
 * `checkpoint_tensors`, `training_diverged`, `adapter_inert`
 */
export async function saveAdapter(
  dir: string,
  adapter: TrainedMethod & Partial<Adapter>,
  base: Base,
  fields: SaveFields = adapter.manifest ?? {},
): Promise<Adapter> {
  await requireFreeFolder(dir)
  const model = modelOf(base)
  const trained = parseMethod(adapter.method)
  const layout = layouts[adapter.layout ?? defaultLayout(trained.method)]
  const naming = adapter.naming ?? DEFAULT_NAMING
  const method = layout.toSupportedMethod(trained)
  const libraryConfig = resolveConfigText(layout, method, naming, adapter.libraryConfig, base)
  const tensors = toTensors(adapter.values, tensorNamesIn(layout, trained, naming, model), trained, model)
  const weights = layout.weightsFile.endsWith('.bin')
    ? await encodeTorch(tensors)
    : encodeSafetensors(tensors, { metadata: layout.metadata })
  const digest = weights.reduce((hash, piece) => hash.update(piece), createHash('sha256')).digest('hex')
  const values = renameValues(adapter.values, trained, method, model)
  const savedProbe =
    adapter.manifest?.weights_sha256 === digest && !fields.probe_ids ? adapter.manifest.probe : undefined
  // If the saved probe still matches, it is kept: differences in the last digits between machines must not change the
  // bytes.
  if (savedProbe) await requireSavedLogits(base, { method, values }, savedProbe, dir)
  const probe =
    savedProbe ?? (await probeAdapter(base, method, values, makeProbeSettings(model, fields.probe_ids), dir))
  const manifest = makeManifest(base, fields, digest, probe)
  await writeFolder(dir, {
    [layout.configFile]: libraryConfig,
    [layout.weightsFile]: weights,
    ...(await readExistingFiles(base.dir, layout.copiedFromBase)),
    [MANIFEST_FILE]: formatManifest(manifest),
    ...fields.files,
    ...(layout.library && { [CARD_FILE]: formatModelCard(method, base, model, manifest, layout.library) }),
  })
  return addKey({ method, layout: layout.name, naming, values, digest, manifest, libraryConfig })
}

/**
 * Returns the name that each parameter of a method has in the weights file.
 * @throws GraftError `checkpoint_config` if the layout cannot store the method
 */
export function tensorNamesOf(
  { layout, method, naming = DEFAULT_NAMING }: { layout: string; method: MethodConfig; naming?: Naming },
  base: Pick<Base, 'config'>,
): Map<string, string> {
  return tensorNamesIn(layouts[layout], method, naming, modelOf(base))
}

function addKey(adapter: Omit<Adapter, 'key'>): Adapter {
  const { digest, method, manifest } = adapter
  const { label_words, labels, truncation, temperature } = manifest ?? {}
  const content = JSON.stringify([digest, method, label_words, labels, truncation, temperature])
  return { ...adapter, key: createHash('sha256').update(content).digest('hex') }
}

/** Returns the prefix of the first tensor's name in the file, or the usual prefix if the tensor is missing. */
function findPrefix(layout: Layout, method: MethodConfig, adapter: string, tensors: Shapes, model: Model): string {
  const firstName = (prefix: string) => tensorNamesIn(layout, method, { adapter, prefix }, model).values().next().value
  return layout.prefixes.find((prefix) => tensors.has(firstName(prefix) ?? '')) ?? layout.prefixes[0]
}

/** Returns the loaded configuration if it still describes the adapter, or otherwise a new one. */
function resolveConfigText(
  layout: Layout,
  method: MethodConfig,
  naming: Naming,
  loaded: string | undefined,
  base: Base,
): string {
  const config = loaded === undefined ? {} : parseObject(loaded, layout.configFile)
  if (loaded !== undefined && layout.recognizes(config)) {
    const { method: described, adapter = naming.adapter } = layout.parseConfig(config, modelOf(base), layout.configFile)
    if (isDeepStrictEqual(described, method) && adapter === naming.adapter) return loaded
  }
  return layout.formatConfig(method, base, naming.adapter)
}

function throwManifestMissing(dir: string): never {
  fail('file_missing', {
    subject: fileIn(dir, MANIFEST_FILE),
    problem: 'does not exist, so the base of the adapter is not known',
    fix: 'Use a folder that Graft saved.',
  })
}
