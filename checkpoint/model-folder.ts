import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { describeJson } from '../core/describe.ts'
import { fail } from '../core/errors.ts'
import type { Model, ModelConfig } from '../model/architecture.ts'
import { architectureOf, modelOf } from '../model/architectures.ts'
import type { TensorData } from '../model/tensor-shapes.ts'
import { fileIn, listFolder, parseObject, readText } from './files.ts'
import { readSafetensorsFiles, type SafetensorsFile } from './safetensors.ts'
import { checkTensors } from './tensor-check.ts'

const CONFIG_FILE = 'config.json'
const WEIGHTS_FILE = 'model.safetensors'
const INDEX_FILE = 'model.safetensors.index.json'

/** The contents of a model's folder in Hugging Face's layout. */
export interface ModelFolder {
  config: ModelConfig
  /** The text of `config.json`. */
  configText: string
  /** Exactly the tensors that {@link Model.tensors} lists. */
  tensors: ReadonlyMap<string, TensorData>
  metadata?: Readonly<Record<string, string>>
  /**
   * SHA-256 of the weights file, hex. If there are several files, the SHA-256 of their digests in the order of the file
   * names.
   */
  sha256: string
}

/**
 * Reads `config.json` and `model.safetensors`, or the files that `model.safetensors.index.json` lists.
 * @param shared whether the tensors are views of one SharedArrayBuffer
 * @throws GraftError `base_incomplete` if a file is missing, `checkpoint_tensors`, `checkpoint_corrupt`
 */
export async function readModelFolder(dir: string, shared: boolean): Promise<ModelFolder> {
  const present = await listFolder(dir)
  const configText = (await readText(dir, CONFIG_FILE)) ?? throwIncomplete(dir, CONFIG_FILE, present)
  const files = await readWeights(dir, present, shared)
  const found = new Map(files.flatMap(({ tensors }) => [...tensors]))
  const json = parseObject(configText, fileIn(dir, CONFIG_FILE))
  const config = architectureOf(json, fileIn(dir, CONFIG_FILE)).parseConfig(json, found, fileIn(dir, CONFIG_FILE))
  checkTensors(modelOf({ config }).tensors, found, fileIn(dir, WEIGHTS_FILE))
  const digests = files.map(({ sha256 }) => sha256)
  return {
    config,
    configText,
    tensors: found,
    metadata: files[0].metadata,
    sha256: digests.length === 1 ? digests[0] : createHash('sha256').update(digests.join('\n')).digest('hex'),
  }
}

async function readWeights(dir: string, present: ReadonlySet<string>, shared: boolean): Promise<SafetensorsFile[]> {
  if (present.has(WEIGHTS_FILE)) return readSafetensorsFiles([join(dir, WEIGHTS_FILE)], shared)
  const index = (await readText(dir, INDEX_FILE)) ?? throwIncomplete(dir, WEIGHTS_FILE, present)
  const fileOfTensor = parseWeightMap(parseObject(index, fileIn(dir, INDEX_FILE)), fileIn(dir, INDEX_FILE))
  const names = [...new Set(fileOfTensor.values())].sort()
  const files = await readSafetensorsFiles(
    names.map((name) => join(dir, name)),
    shared,
  )
  for (const [i, { tensors }] of files.entries()) {
    const unlisted = [...tensors.keys()].find((name) => fileOfTensor.get(name) !== names[i])
    const missing = [...fileOfTensor].find(([name, file]) => file === names[i] && !tensors.has(name))?.[0]
    if (unlisted ?? missing)
      fail('checkpoint_tensors', {
        subject: fileIn(dir, names[i]),
        problem:
          unlisted === undefined
            ? `is missing ${missing}, which ${INDEX_FILE} lists for this file`
            : `contains ${unlisted}, which ${INDEX_FILE} does not list for this file`,
        fix: FIX_MODEL,
      })
  }
  return files
}

const FIX_MODEL = 'Save or download the complete model again.'

function parseWeightMap({ weight_map: map }: Readonly<Record<string, unknown>>, subject: string): Map<string, string> {
  const entries = typeof map === 'object' && map !== null ? Object.entries(map) : []
  // A name with a separator could point outside the folder.
  if (
    entries.length > 0 &&
    entries.every(([, file]) => typeof file === 'string' && /^[^/\\]+\.safetensors$/.test(file))
  )
    return new Map(entries)
  return fail('checkpoint_corrupt', {
    subject: `${subject}, weight_map`,
    expected: 'the name of a .safetensors file in the same folder for each tensor',
    found: describeJson(map),
    fix: FIX_MODEL,
  })
}

function throwIncomplete(dir: string, name: string, present: ReadonlySet<string>): never {
  if (present.has('adapter_config.json'))
    fail('base_incomplete', {
      subject: dir,
      problem: 'contains an adapter, not a base',
      fix: 'Give the folder of the base here, and this folder as the checkpoint.',
    })
  const pickled = [...present].find((file) => /^pytorch_model.*\.bin$/.test(file))
  if (pickled && name === WEIGHTS_FILE)
    fail('base_incomplete', {
      subject: dir,
      problem: `contains ${pickled} but not ${name}`,
      fix: 'Convert it: load the model in transformers and save it with save_pretrained(..., safe_serialization=True).',
    })
  fail('base_incomplete', {
    subject: dir,
    problem: `does not contain ${name}`,
    fix: 'Give a folder with config.json and model.safetensors, as transformers saves them.',
  })
}
