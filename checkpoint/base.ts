import { createHash } from 'node:crypto'
import { basename, resolve } from 'node:path'
import { z } from 'zod'
import { describeIssue } from '../core/describe.ts'
import { fail } from '../core/errors.ts'
import { IN_OUR_WORDS } from '../core/expectation.ts'
import type { Model, ModelConfig } from '../model/architecture.ts'
import { modelOf } from '../model/architectures.ts'
import { labelWords } from '../model/label-words.ts'
import type { TensorData } from '../model/tensor-shapes.ts'
import { fileIn, type JsonObject, parseObject, readContent, readText } from './files.ts'
import { formatHubOrigin, type HubOrigin, originOfFolder, parseHubOrigin } from './hub-name.ts'
import { BASE_LIMITS } from './limits.ts'
import { readModelFolder } from './model-folder.ts'
import { asBytes } from './safetensors.ts'
import { toTokenizerJson } from './sentencepiece.ts'

/** The tokenizer's files as JSON; `makeTokenizer` turns them into a tokenizer. */
export interface TokenizerFiles {
  /** The contents of `tokenizer.json`, or what `spiece.model` becomes. */
  json: JsonObject
  /** The contents of `tokenizer_config.json`. Empty if the file does not exist. */
  config: JsonObject
}

/**
 * A frozen base model. Its tensors are views of one SharedArrayBuffer: every program and worker thread reads the same
 * copy.
 */
export interface Base {
  readonly dir: string
  /** The name on the hub if the base came from there, such as `google-t5/t5-small`. */
  readonly name: string
  /** The place on the Hugging Face hub that the base came from. Not set for any other base. */
  readonly hub?: HubOrigin
  /** The model's sizes; {@link modelOf} describes the model. */
  readonly config: ModelConfig
  /** The values of each tensor, under the names of {@link Model.tensors}. */
  readonly tensors: ReadonlyMap<string, Float32Array>
  /** SHA-256, hex, over names, shapes and f32 bytes: equal for equal weights, however they are split into files. */
  readonly fingerprint: string
  /** The text of `config.json`. Fully fine-tuned models are saved with it. */
  readonly configText: string
  readonly tokenizer?: TokenizerFiles
  /** The word that scores each label, unless a training chooses others. */
  readonly labelWords?: Readonly<Record<string, string>>
}

/** `graft-base.json`, an optional file with settings that Hugging Face's layout has no place for. */
const baseManifest = z.looseObject({
  name: z.string().min(1).max(255).optional(),
  label_words: labelWords.optional(),
  /** The origin of the base. Only one on the hub has a meaning: {@link parseHubOrigin} reads it. */
  source: z.string().optional(),
  licence: z.string().optional(),
})

const MANIFEST_FILE = 'graft-base.json'
/** The vocabulary of T5 as SentencePiece saves it. It is read if there is no `tokenizer.json`. */
const SENTENCEPIECE_FILE = 'spiece.model'

/**
 * Reads a base from a folder in Hugging Face's layout.
 * @throws GraftError `file_missing`, `base_incomplete`, `checkpoint_tensors` or `checkpoint_corrupt`
 */
export async function loadBase(dir: string): Promise<Base> {
  const { config, configText, tensors } = await readModelFolder(dir, { shared: true })
  const manifest = await readManifest(dir)
  const tokenizer = await readTokenizer(dir)
  const hub = originOfFolder(dir) ?? (manifest.source === undefined ? undefined : parseHubOrigin(manifest.source))
  return {
    dir,
    name: hub?.repo ?? manifest.name ?? basename(resolve(dir)),
    ...(hub && { hub }),
    config,
    tensors: new Map([...tensors].map(([name, { data }]) => [name, data])),
    fingerprint: computeFingerprint(tensors, modelOf({ config })),
    configText,
    ...(tokenizer && { tokenizer }),
    ...(manifest.label_words && { labelWords: manifest.label_words }),
  }
}

/**
 * Returns the files of the base's tokenizer.
 * @throws GraftError `base_incomplete` if the folder has none
 */
export function requireTokenizer({ dir, tokenizer }: Base): TokenizerFiles {
  return (
    tokenizer ??
    fail('base_incomplete', {
      subject: dir,
      problem: `does not contain tokenizer.json or ${SENTENCEPIECE_FILE}`,
      fix: 'Save it in this folder: AutoTokenizer.from_pretrained(...).save_pretrained(...) in transformers.',
    })
  )
}

/** Returns a file that keeps the name or the origin of a base in a copy of its folder, by its name. */
export function formatBaseManifest({
  name,
  hub,
  labelWords,
}: Pick<Base, 'name' | 'hub' | 'labelWords'>): Record<string, string> {
  const manifest = {
    ...(hub ? { source: formatHubOrigin(hub) } : { name }),
    ...(labelWords && { label_words: labelWords }),
  }
  return { [MANIFEST_FILE]: `${JSON.stringify(manifest, null, 2)}\n` }
}

async function readManifest(dir: string): Promise<z.infer<typeof baseManifest>> {
  const text = await readText(dir, MANIFEST_FILE, BASE_LIMITS)
  if (text === undefined) return {}
  const subject = fileIn(dir, MANIFEST_FILE)
  const value = parseObject(text, subject)
  const parsed = baseManifest.safeParse(value, IN_OUR_WORDS)
  if (parsed.success) return parsed.data
  const { key, expected, found } = describeIssue(parsed.error, value)
  return fail('base_incomplete', {
    subject: `${subject}, ${key}`,
    expected,
    found,
    fix: 'Fix the file, or remove it: it is optional.',
  })
}

async function readTokenizer(dir: string): Promise<TokenizerFiles | undefined> {
  const configText = (await readText(dir, 'tokenizer_config.json', BASE_LIMITS)) ?? '{}'
  const config = parseObject(configText, fileIn(dir, 'tokenizer_config.json'))
  const json = await readText(dir, 'tokenizer.json', BASE_LIMITS)
  if (json !== undefined) return { json: parseObject(json, fileIn(dir, 'tokenizer.json')), config }
  const content = await readContent(dir, SENTENCEPIECE_FILE, BASE_LIMITS)
  if (content === undefined) return undefined
  return { json: toTokenizerJson(content, fileIn(dir, SENTENCEPIECE_FILE), config.extra_ids), config }
}

function computeFingerprint(tensors: ReadonlyMap<string, TensorData>, model: Model): string {
  const hash = createHash('sha256')
  for (const name of model.tensors.map((tensor) => tensor.name).sort()) {
    const { shape, data } = tensors.get(name) as TensorData
    hash.update(`${name} [${shape.join(', ')}]\n`).update(asBytes(data))
  }
  return hash.digest('hex')
}
