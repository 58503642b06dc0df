import { createHash } from 'node:crypto'
import { basename, resolve } from 'node:path'
import { z } from 'zod'
import { fail } from '../core/errors.ts'
import type { T5Config } from '../model/t5/config.ts'
import { baseTensors } from '../model/t5/tensors.ts'
import { fileIn, type JsonObject, parseObject, readText } from './files.ts'
import { readModelFolder } from './model-folder.ts'
import { bytesIn, type StoredTensor } from './safetensors.ts'

export interface Tokenizer {
  /** `tokenizer.json` */
  json: JsonObject
  /** `tokenizer_config.json`, empty where there is none. */
  config: JsonObject
}

/** A frozen T5. Its tensors are views of one SharedArrayBuffer: every program and worker thread reads the same copy. */
export interface Base {
  readonly dir: string
  readonly name: string
  readonly t5: T5Config
  /** By the names of {@link baseTensors}. */
  readonly tensors: ReadonlyMap<string, Float32Array>
  /** SHA-256, hex, over names, shapes and f32 bytes: equal where the weights are, in whatever files they stand. */
  readonly fingerprint: string
  /** `config.json` as it stands: a fully tuned model is saved with it. */
  readonly configText: string
  readonly tokenizer?: Tokenizer
  /** The word by which the base scores each label unless a training chooses others. */
  readonly labelWords?: Readonly<Record<string, string>>
}

/** `graft-base.json`: what Graft may know of a base beyond its files in Hugging Face's layout. */
const baseManifest = z.looseObject({
  name: z.string().min(1).optional(),
  label_words: z.record(z.string().min(1), z.string().min(1)).optional(),
  source: z.string().optional(),
  licence: z.string().optional(),
})

const MANIFEST = 'graft-base.json'

/**
 * Reads a base from a folder in Hugging Face's layout.
 * @throws GraftError `file_missing`, `base_incomplete`, `checkpoint_tensors` or `checkpoint_corrupt`
 */
export async function loadBase(dir: string): Promise<Base> {
  const { t5, configText, tensors } = await readModelFolder(dir, true)
  const manifest = await readManifest(dir)
  const tokenizer = await readTokenizer(dir)
  return {
    dir,
    name: manifest.name ?? basename(resolve(dir)),
    t5,
    tensors: new Map([...tensors].map(([name, { data }]) => [name, data])),
    fingerprint: fingerprint(tensors, t5),
    configText,
    ...(tokenizer && { tokenizer }),
    ...(manifest.label_words && { labelWords: manifest.label_words }),
  }
}

/**
 * The base's tokenizer, for whoever reads text.
 * @throws GraftError `base_incomplete` where the folder holds none
 */
export function requireTokenizer({ dir, tokenizer }: Base): Tokenizer {
  return (
    tokenizer ??
    fail('base_incomplete', {
      subject: dir,
      expected: 'tokenizer.json',
      found: 'no such file',
      fix: 'Save it beside the model: AutoTokenizer.from_pretrained(...).save_pretrained(...) in transformers.',
    })
  )
}

async function readManifest(dir: string): Promise<z.infer<typeof baseManifest>> {
  const text = await readText(dir, MANIFEST)
  if (text === undefined) return {}
  const subject = fileIn(dir, MANIFEST)
  const parsed = baseManifest.safeParse(parseObject(text, subject))
  if (parsed.success) return parsed.data
  const [{ path, message }] = parsed.error.issues
  return fail('base_incomplete', {
    subject: `${subject}, ${path.join('.')}`,
    expected: message,
    found: 'something else',
    fix: 'Fix the file, or remove it: it is optional.',
  })
}

async function readTokenizer(dir: string): Promise<Tokenizer | undefined> {
  const json = await readText(dir, 'tokenizer.json')
  if (json === undefined) return undefined
  const config = (await readText(dir, 'tokenizer_config.json')) ?? '{}'
  return {
    json: parseObject(json, fileIn(dir, 'tokenizer.json')),
    config: parseObject(config, fileIn(dir, 'tokenizer_config.json')),
  }
}

function fingerprint(tensors: ReadonlyMap<string, StoredTensor>, t5: T5Config): string {
  const hash = createHash('sha256')
  for (const name of baseTensors(t5)
    .map((tensor) => tensor.name)
    .sort()) {
    const { shape, data } = tensors.get(name) as StoredTensor
    hash.update(`${name} [${shape.join(', ')}]\n`).update(bytesIn(data))
  }
  return hash.digest('hex')
}
