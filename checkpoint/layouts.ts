import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fail } from '../core/errors.ts'
import { adapterhub, adapterhubBin } from './adapterhub.ts'
import { throwNotSavable } from './config-rules.ts'
import { fileIn, type JsonObject, listFolder, parseObject, readText } from './files.ts'
import { full } from './full.ts'
import type { Layout } from './layout.ts'
import { ADAPTER_LIMITS } from './limits.ts'
import { MANIFEST_FILE } from './manifest.ts'
import { CARD_FILE } from './model-card.ts'
import { opendelta } from './opendelta.ts'
import { peft } from './peft.ts'

/** Every layout. To add one, write its file and list it here (docs/extending.md). */
export const layouts: Record<string, Layout> = {
  [peft.name]: peft,
  [adapterhub.name]: adapterhub,
  [adapterhubBin.name]: adapterhubBin,
  [opendelta.name]: opendelta,
  [full.name]: full,
}

/** Returns the layout in which a method is saved by default. */
export function defaultLayout(method: string): string {
  const layout = Object.values(layouts).find(({ defaultFor }) => defaultFor.includes(method))
  return layout?.name ?? throwNotSavable('method', 'a method that a layout can store', method)
}

/** The maximum number of files or keys that an error lists. */
const MAX_LISTED = 5

export interface DetectedLayout {
  layout: Layout
  config: JsonObject
  /** The text of the configuration file. */
  text: string
  /** The name of the configuration file in errors. */
  subject: string
}

/** Returns the names of the files that say which library made a folder, in the order in which they are looked for. */
export const configFiles = (): ReadonlySet<string> =>
  new Set(Object.values(layouts).map(({ configFile }) => configFile))

/**
 * Detects which library made a folder.
 * @param files the names of the checkpoint's files. Defaults to those in the folder, which must have the configuration
 * @throws GraftError `file_missing`, or `checkpoint_config` if Graft does not support the library or the method
 */
export async function detectLayout(dir: string, files?: ReadonlySet<string>): Promise<DetectedLayout> {
  const present = files ?? (await listFolder(dir))
  for (const file of configFiles()) {
    const text = await readText(dir, file, ADAPTER_LIMITS)
    if (text === undefined) continue
    const subject = fileIn(dir, file)
    const config = parseObject(text, subject)
    const candidates = Object.values(layouts).filter(
      ({ configFile, recognizes }) => configFile === file && recognizes(config),
    )
    // Layouts of one library differ only in their weights files.
    const layout = candidates.find(({ weightsFile }) => present.has(weightsFile)) ?? candidates.at(0)
    if (layout) return { layout, config, text, subject }
    fail('checkpoint_config', {
      subject,
      expected: 'the key peft_type (PEFT), config (AdapterHub), delta_type (OpenDelta) or model_type (a full model)',
      found: Object.keys(config).slice(0, MAX_LISTED).join(', ') || 'no keys',
      fix: 'Use a folder that PEFT, AdapterHub, OpenDelta or transformers saved.',
    })
  }
  return fail('file_missing', {
    subject: dir,
    expected: 'adapter_config.json, or config.json for a full model',
    found: present.size === 0 ? 'an empty folder' : [...present].sort().slice(0, MAX_LISTED).join(', '),
    fix: 'Give the folder that contains these files.',
  })
}

/**
 * Returns whether a checkpoint may have a file of this name. Another file may be left out of its folder.
 */
export function isCheckpointFile(name: string): boolean {
  const isListed = ({ configFile, weightsFile, otherWeightsFiles = [], copiedFromBase, head }: Layout) =>
    [configFile, weightsFile, ...otherWeightsFiles, ...copiedFromBase, ...(head?.files ?? [])].includes(name)
  // A model may be split into files of any name.
  return (
    name === MANIFEST_FILE ||
    name === CARD_FILE ||
    /\.(safetensors|bin)(\.index\.json)?$/.test(name) ||
    Object.values(layouts).some(isListed)
  )
}

/** Returns the names of the files with the tensors of a folder, the usual name if there are none. */
export async function findWeightsFiles(layout: Layout, dir: string): Promise<readonly string[]> {
  return layout.weightsFilesIn ? layout.weightsFilesIn(dir) : [chooseWeightsFile(layout, await listFolder(dir))]
}

/** Returns the name of the only file with tensors, among the files of a folder, or the usual name if there is none. */
export function chooseWeightsFile(layout: Layout, present: ReadonlySet<string>): string {
  const names = [layout.weightsFile, ...(layout.otherWeightsFiles ?? [])]
  return names.find((name) => present.has(name)) ?? layout.weightsFile
}

/**
 * Returns the names of the files of a checkpoint, without others that are in its folder. The model card is one of them
 * unless it is too large: nothing depends on it.
 * @throws GraftError `file_missing`, or `checkpoint_config` if Graft does not support the library or the method
 */
export async function findCheckpointFiles(dir: string): Promise<string[]> {
  const { layout } = await detectLayout(dir)
  const weights = await findWeightsFiles(layout, dir)
  const present = await listFolder(dir)
  const others = [...layout.copiedFromBase, ...(layout.head?.files ?? []), MANIFEST_FILE]
  const files = [layout.configFile, ...weights, ...others].filter((name) => present.has(name))
  return (await hasCard(dir)) ? [...files, CARD_FILE] : files
}

async function hasCard(dir: string): Promise<boolean> {
  const found = await stat(join(dir, CARD_FILE)).catch(() => undefined)
  return found?.isFile() === true && found.size <= ADAPTER_LIMITS.jsonBytes
}

/** Returns the files that a folder had before model cards and heads were kept. */
export const withoutCardAndHead = (files: readonly string[]): string[] =>
  files.filter((name) => name !== CARD_FILE && !Object.values(layouts).some(({ head }) => head?.files.includes(name)))
