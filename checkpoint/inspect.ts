import { join } from 'node:path'
import type { PlainError } from '../core/errors.ts'
import { toPlain } from '../core/to-plain.ts'
import { modelOf } from '../model/architectures.ts'
import type { MethodConfig } from '../model/methods/registry.ts'
import { countTrainable } from '../model/parameter-count.ts'
import { sizeOfShape } from '../model/tensor-shapes.ts'
import { loadAdapter } from './adapter.ts'
import type { Base } from './base.ts'
import type { JsonObject } from './files.ts'
import { detectLayout, findWeightsFiles } from './layouts.ts'
import { ADAPTER_LIMITS } from './limits.ts'
import { type Manifest, readManifest } from './manifest.ts'
import { openTensorFile } from './read-tensors.ts'

/** A folder as far as it can be read, whether or not it loads. */
export interface Inspection {
  /** The layout of the folder. */
  layout: string
  /** The version of the library, if the folder names it. */
  version?: string
  /** The base that the folder names. */
  base_named?: string
  /** Files with tensors. */
  weights: { file: string; tensors: number; parameters: number }[]
  /** The method, if its configuration fits the base. */
  method?: MethodConfig
  trainable?: number
  /** The type of the head that is stored beside the adapter, such as `seq2seq_lm`. Not set if there is none. */
  head?: string
  /** True if the folder has a `graft.json`. */
  has_manifest: boolean
  labels?: readonly string[]
  label_words?: Manifest['label_words']
  metrics?: Manifest['metrics']
  /** True if the adapter loads on the base and computes what it did when it was saved. */
  loads: boolean
  /** Reasons why it does not load, or what is not known. */
  problems: PlainError[]
}

/**
 * Describes the folder of an adapter or a full model of any library.
 * @param base the base on which it is tried
 * @throws GraftError `file_missing`, `checkpoint_config` if the folder is none of a known library
 */
export async function inspectFolder(dir: string, base: Base): Promise<Inspection> {
  const { layout, config, subject } = await detectLayout(dir)
  const problems: PlainError[] = []
  const attempt = async <T>(work: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await work()
    } catch (error) {
      problems.push(toPlain(error))
      return undefined
    }
  }
  const manifest = await attempt(() => readManifest(dir))
  const method = await attempt(() => layout.parseConfig(config, modelOf(base), subject).method)
  const files = (await attempt(() => findWeightsFiles(layout, dir))) ?? []
  const head = await attempt(() => layout.head?.readType(dir))
  const weights = []
  for (const file of files.filter((name) => !name.endsWith('.json'))) {
    const found = await attempt(() => describeWeights(dir, file))
    if (found) weights.push(found)
  }
  const adapter = problems.length === 0 ? await attempt(() => loadAdapter(dir, base)) : undefined
  return {
    layout: layout.name,
    version: firstText(config, ['peft_version', 'version', 'opendelta_version', 'transformers_version']),
    base_named: firstText(config, [
      'base_model_name_or_path',
      'model_name',
      'backbone_checkpoint_name',
      '_name_or_path',
    ]),
    weights,
    ...(method && { method, trainable: countTrainable(method, modelOf(base)).trainable }),
    ...(head !== undefined && { head }),
    has_manifest: manifest !== undefined,
    ...(manifest && { labels: manifest.labels, label_words: manifest.label_words, metrics: manifest.metrics }),
    loads: adapter !== undefined,
    problems,
  }
}

async function describeWeights(dir: string, file: string): Promise<Inspection['weights'][number]> {
  const opened = await openTensorFile(join(dir, file), ADAPTER_LIMITS)
  const shapes = [...opened.shapes.values()]
  await opened.close()
  return { file, tensors: shapes.length, parameters: shapes.reduce((sum, { shape }) => sum + sizeOfShape(shape), 0) }
}

function firstText(config: JsonObject, keys: readonly string[]): string | undefined {
  const found = keys.map((key) => config[key]).find((value) => typeof value === 'string' && value !== '')
  return found as string | undefined
}
