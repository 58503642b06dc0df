import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { fail } from '../core/errors.ts'
import { parseT5Config, type T5Config } from '../model/t5/config.ts'
import { baseTensors } from '../model/t5/tensors.ts'
import { fileIn, listFolder, parseObject, readText } from './files.ts'
import { readSafetensorsFiles, type SafetensorsFile, type StoredTensor } from './safetensors.ts'
import { checkTensors } from './tensor-check.ts'

const CONFIG = 'config.json'
const WEIGHTS = 'model.safetensors'
const INDEX = 'model.safetensors.index.json'

/** A whole T5 as a folder in Hugging Face's layout holds it. */
export interface ModelFolder {
  t5: T5Config
  /** `config.json` as it stands. */
  configText: string
  /** Exactly the tensors that {@link baseTensors} names. */
  tensors: ReadonlyMap<string, StoredTensor>
  metadata?: Readonly<Record<string, string>>
  /** Of the file of weights; where there are several, of their digests in the order of their names. */
  sha256: string
}

/**
 * Reads `config.json` with `model.safetensors`, or with the files that `model.safetensors.index.json` names.
 * @param shared whether the tensors are views of one SharedArrayBuffer
 * @throws GraftError `base_incomplete` for a file that is not there, `checkpoint_tensors`, `checkpoint_corrupt`
 */
export async function readModelFolder(dir: string, shared: boolean): Promise<ModelFolder> {
  const present = await listFolder(dir)
  const configText = (await readText(dir, CONFIG)) ?? incomplete(dir, CONFIG, present)
  const files = await readWeights(dir, present, shared)
  const found = new Map(files.flatMap(({ tensors }) => [...tensors]))
  const t5 = withoutCopies(parseObject(configText, fileIn(dir, CONFIG)), found, dir)
  checkTensors(baseTensors(t5), found, fileIn(dir, WEIGHTS))
  const digests = files.map(({ sha256 }) => sha256)
  return {
    t5,
    configText,
    tensors: found,
    metadata: files[0].metadata,
    sha256: digests.length === 1 ? digests[0] : createHash('sha256').update(digests.join('\n')).digest('hex'),
  }
}

async function readWeights(dir: string, present: ReadonlySet<string>, shared: boolean): Promise<SafetensorsFile[]> {
  if (present.has(WEIGHTS)) return readSafetensorsFiles([join(dir, WEIGHTS)], shared)
  const index = (await readText(dir, INDEX)) ?? incomplete(dir, WEIGHTS, present)
  const places = weightMap(parseObject(index, fileIn(dir, INDEX)), fileIn(dir, INDEX))
  const names = [...new Set(places.values())].sort()
  const files = await readSafetensorsFiles(
    names.map((name) => join(dir, name)),
    shared,
  )
  for (const [i, { tensors }] of files.entries()) {
    const stray = [...tensors.keys()].find((name) => places.get(name) !== names[i])
    const absent = [...places].find(([name, file]) => file === names[i] && !tensors.has(name))?.[0]
    if (stray ?? absent)
      fail('checkpoint_tensors', {
        subject: `${fileIn(dir, names[i])}, ${stray ?? absent}`,
        expected: `the tensors that ${INDEX} places there`,
        found: stray === undefined ? 'no such tensor' : 'this one as well',
        fix: 'Save or download the whole model again.',
      })
  }
  return files
}

function weightMap({ weight_map: map }: Readonly<Record<string, unknown>>, subject: string): Map<string, string> {
  const entries = typeof map === 'object' && map !== null ? Object.entries(map) : []
  // A name with a separator could lead out of the folder.
  if (
    entries.length > 0 &&
    entries.every(([, file]) => typeof file === 'string' && /^[^/\\]+\.safetensors$/.test(file))
  )
    return new Map(entries)
  return fail('checkpoint_corrupt', {
    subject: `${subject}, weight_map`,
    expected: 'file names ending in .safetensors by tensor name',
    found: JSON.stringify(map) ?? 'nothing',
    fix: 'Save or download the whole model again.',
  })
}

/** Earlier versions of the library wrote it for T5; it was never used. */
const UNUSED = 'decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight'

/**
 * Takes out the tensors that a file may hold beside those of the model: one that is never used, and copies of the embedding, equal to it.
 * A head equal to the embedding is such a copy where decoder outputs are scaled: that is T5's tied head, which trains as one matrix.
 */
function withoutCopies(
  config: Readonly<Record<string, unknown>>,
  tensors: Map<string, StoredTensor>,
  dir: string,
): T5Config {
  tensors.delete(UNUSED)
  const t5 = parseT5Config(config, tensors.has('lm_head.weight'), fileIn(dir, CONFIG))
  const shared =
    tensors.get('shared.weight') ??
    tensors.get('encoder.embed_tokens.weight') ??
    tensors.get('decoder.embed_tokens.weight')
  if (!shared) return t5
  tensors.set('shared.weight', shared)
  const copies = [
    'encoder.embed_tokens.weight',
    'decoder.embed_tokens.weight',
    ...(t5.scaleDecoderOutputs ? ['lm_head.weight'] : []),
  ]
  for (const name of copies) if (equal(tensors.get(name), shared)) tensors.delete(name)
  return { ...t5, lmHead: tensors.has('lm_head.weight') }
}

function equal(a: StoredTensor | undefined, b: StoredTensor): boolean {
  return a !== undefined && a.shape.join() === b.shape.join() && bytesOf(a).equals(bytesOf(b))
}

const bytesOf = ({ data }: StoredTensor): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength)

function incomplete(dir: string, name: string, present: ReadonlySet<string>): never {
  const pickled = [...present].find((file) => /^pytorch_model.*\.bin$/.test(file))
  const adapter = present.has('adapter_config.json')
  fail('base_incomplete', {
    subject: dir,
    expected: name,
    found: adapter ? 'an adapter' : pickled && name === WEIGHTS ? `${pickled} alone` : 'no such file',
    fix: adapter
      ? 'Name the folder of the base, and give this one as the checkpoint.'
      : pickled && name === WEIGHTS
        ? 'Convert it: load the model in transformers and save it with save_pretrained(..., safe_serialization=True).'
        : 'Give a folder with config.json and model.safetensors, as transformers saves a T5.',
  })
}
