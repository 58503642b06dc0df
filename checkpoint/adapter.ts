import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { fail } from '../core/errors.ts'
import { type MethodConfig, parseMethod } from '../model/methods/registry.ts'
import type { T5Config } from '../model/t5/config.ts'
import { namesIn, renamed, tensorsOf, type Values, valuesFrom } from './adapter-tensors.ts'
import type { Base } from './base.ts'
import { fileIn, parseObject, readCompanions } from './files.ts'
import { DEFAULT_NAMING, type Layout, type LayoutName, type Naming } from './layout.ts'
import { defaultLayout, detectLayout, layouts } from './layouts.ts'
import {
  MANIFEST,
  type Manifest,
  type ManifestFields,
  makeManifest,
  manifestText,
  readManifest,
  requireSameBase,
  requireSameWeights,
} from './manifest.ts'
import { requireSameLogits } from './probe-check.ts'
import { probeAdapter, probeSettings } from './probe-logits.ts'
import { encodeSafetensors } from './safetensors.ts'
import { requireFreeFolder, writeFolder } from './write-folder.ts'

/** What training makes on top of a base. */
export interface Tuning {
  readonly method: MethodConfig
  readonly values: Values
}

/** What was trained on top of a base, with what its folder tells. */
export interface Adapter extends Tuning {
  readonly layout: LayoutName
  readonly naming: Naming
  /** SHA-256, hex, of the file of weights: what `sha256sum` says of it. */
  readonly digest: string
  /**
   * SHA-256, hex, over all that decides an answer: weights, method, label words, truncation, temperature. Caches go by it, since
   * equal weights answer differently under another alpha or another word.
   */
  readonly key: string
  /** Of Graft's own folders; the Python libraries write none. */
  readonly manifest?: Manifest
  /** The library's configuration as it stood, so that saving again gives the same bytes. */
  readonly libraryConfig: string
}

export interface LoadOptions {
  /** Whether a folder without `graft.json`, as the Python libraries make them, may be loaded. True unless told otherwise. */
  allowNoManifest?: boolean
}

/**
 * Loads an adapter strictly and checks that it computes on this base what it did when it was saved.
 * @throws GraftError `file_missing`, `base_mismatch`, `checkpoint_config`, `checkpoint_tensors`, `checkpoint_corrupt`, `adapter_inert`
 */
export async function loadAdapter(
  dir: string,
  base: Base,
  { allowNoManifest = true }: LoadOptions = {},
): Promise<Adapter> {
  const { layout, config, text, subject } = await detectLayout(dir)
  const manifest = (await readManifest(dir)) ?? (allowNoManifest ? undefined : withoutManifest(dir))
  if (manifest) requireSameBase(manifest, base, fileIn(dir, MANIFEST))
  const { method, adapter = DEFAULT_NAMING.adapter } = layout.read(config, base.t5, subject)
  const { tensors, sha256: digest } = await layout.readWeights(dir, base)
  const weights = fileIn(dir, layout.weightsFile)
  if (manifest) requireSameWeights(manifest, digest, weights)
  const naming = { adapter, prefix: prefixOf(layout, method, adapter, tensors, base.t5) }
  const values = valuesFrom(tensors, namesIn(layout, method, naming, base.t5), method, base.t5, weights)
  const probe = await probeAdapter(base, method, values, manifest?.probe ?? probeSettings(base.t5), weights)
  if (manifest) requireSameLogits(manifest.probe, probe, weights)
  return complete({ method, layout: layout.name, naming, values, digest, manifest, libraryConfig: text })
}

/** What the caller tells of the adapter, and the token ids by which it is checked: those of its label words, say. */
export interface SaveFields extends ManifestFields {
  probe_ids?: readonly number[]
}

/**
 * Saves an adapter as a folder of its library with `graft.json` beside it, whole or not at all. OpenDelta's bottleneck is saved in
 * AdapterHub's layout as `double_seq_bn` with tanh gelu, which is the same function, and comes back as that.
 * @param adapter one that was loaded, or what training made, in the method's usual layout unless it names another
 * @param fields what the manifest shall tell; that of the adapter where nothing is given
 * @returns the adapter as {@link loadAdapter} would load it
 * @throws GraftError `output_exists`, `disk_full`, `checkpoint_config` for a method that the layout cannot hold,
 *   `checkpoint_tensors`, `training_diverged`, `adapter_inert`
 */
export async function saveAdapter(
  dir: string,
  adapter: Tuning & Partial<Adapter>,
  base: Base,
  fields: SaveFields = adapter.manifest ?? {},
): Promise<Adapter> {
  await requireFreeFolder(dir)
  const { t5 } = base
  const given = parseMethod(adapter.method)
  const layout = layouts[adapter.layout ?? defaultLayout(given.method)]
  const naming = adapter.naming ?? DEFAULT_NAMING
  const method = layout.stored(given)
  const libraryConfig = configText(layout, method, naming, adapter.libraryConfig, base)
  const tensors = tensorsOf(adapter.values, namesIn(layout, given, naming, t5), given, t5)
  const weights = encodeSafetensors(tensors, { metadata: layout.metadata })
  const digest = weights.reduce((hash, piece) => hash.update(piece), createHash('sha256')).digest('hex')
  const values = renamed(adapter.values, given, method, t5)
  const before = adapter.manifest?.weights_sha256 === digest && !fields.probe_ids ? adapter.manifest.probe : undefined
  const probe = await probeAdapter(base, method, values, before ?? probeSettings(t5, fields.probe_ids), dir)
  if (before) requireSameLogits(before, probe, dir)
  // The probe that it was loaded with, where it still holds: another machine's last digits must not change the bytes.
  const manifest = makeManifest(base, fields, digest, before ?? probe)
  await writeFolder(dir, {
    [layout.configFile]: libraryConfig,
    [layout.weightsFile]: weights,
    ...(await readCompanions(base.dir, layout.companions)),
    [MANIFEST]: manifestText(manifest),
  })
  return complete({ method, layout: layout.name, naming, values, digest, manifest, libraryConfig })
}

/**
 * What the checkpoint's file calls each parameter of a method.
 * @returns parameter name → file tensor name
 * @throws GraftError `checkpoint_config` where the layout cannot hold the method
 */
export function fileNames(
  { layout, method, naming = DEFAULT_NAMING }: { layout: LayoutName; method: MethodConfig; naming?: Naming },
  { t5 }: { t5: T5Config },
): Map<string, string> {
  return namesIn(layouts[layout], method, naming, t5)
}

function complete(adapter: Omit<Adapter, 'key'>): Adapter {
  const { digest, method, manifest } = adapter
  const { label_words, labels, truncation, temperature } = manifest ?? {}
  const decisive = JSON.stringify([digest, method, label_words, labels, truncation, temperature])
  return { ...adapter, key: createHash('sha256').update(decisive).digest('hex') }
}

/** The prefix under which the file has the first tensor; the usual one where it has it under none, so that errors name that. */
function prefixOf(
  layout: Layout,
  method: MethodConfig,
  adapter: string,
  tensors: ReadonlyMap<string, unknown>,
  t5: T5Config,
): string {
  const first = (prefix: string) => namesIn(layout, method, { adapter, prefix }, t5).values().next().value
  return layout.prefixes.find((prefix) => tensors.has(first(prefix) ?? '')) ?? layout.prefixes[0]
}

/** The configuration that was loaded, where it still says the same; else a new one. */
function configText(
  layout: Layout,
  method: MethodConfig,
  naming: Naming,
  loaded: string | undefined,
  base: Base,
): string {
  const config = loaded === undefined ? {} : parseObject(loaded, layout.configFile)
  if (loaded !== undefined && layout.recognises(config)) {
    const { method: said, adapter = naming.adapter } = layout.read(config, base.t5, layout.configFile)
    if (isDeepStrictEqual(said, method) && adapter === naming.adapter) return loaded
  }
  return layout.write(method, base, naming.adapter)
}

function withoutManifest(dir: string): never {
  fail('file_missing', {
    subject: fileIn(dir, MANIFEST),
    expected: 'the file that says on which base the adapter was trained',
    found: 'no such file',
    fix: 'Name the base as well: the Python libraries do not store it.',
  })
}
