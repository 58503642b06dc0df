import { createHash } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { describeJson } from '../core/describe.ts'
import { fail } from '../core/errors.ts'
import type { Model, ModelConfig } from '../model/architecture.ts'
import { architectureOf, modelOf } from '../model/architectures.ts'
import type { FileTensor, TensorData } from '../model/tensor-shapes.ts'
import { fileIn, listFolder, parseObject, readText } from './files.ts'
import { BASE_LIMITS, type ReadLimits } from './limits.ts'
import { readTensorFiles } from './read-tensors.ts'
import { checkTensors } from './tensor-check.ts'
import type { Shapes } from './tensor-file.ts'

const CONFIG_FILE = 'config.json'
/** The names under which transformers saves weights, in the order of preference. */
const WEIGHTS_FILES = ['model.safetensors', 'pytorch_model.bin']
/** The files of a model in Hugging Face's layout, without those of its weights. */
export const modelSettings = [
  CONFIG_FILE,
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'spiece.model',
]

const INDEX_SUFFIX = '.index.json'
const indexOf = (name: string): string => name + INDEX_SUFFIX

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

interface ReadOptions {
  /** Defaults to {@link BASE_LIMITS}. */
  limits?: ReadLimits
  /** Makes the tensors views of one SharedArrayBuffer. Defaults to false. */
  shared?: boolean
  /**
   * Receives the configuration and the tensors that it describes before any of their values is read. A tensor that may
   * be a copy of another one is not among them.
   */
  check?(config: ModelConfig, tensors: Shapes): void
}

/**
 * Reads `config.json` and `model.safetensors` or `pytorch_model.bin`, or the files that their index lists.
 * @throws GraftError `base_incomplete` if a file is missing, `checkpoint_tensors`, `checkpoint_corrupt`
 */
export async function readModelFolder(
  dir: string,
  { limits = BASE_LIMITS, shared, check }: ReadOptions = {},
): Promise<ModelFolder> {
  const present = await listFolder(dir)
  const configFile = fileIn(dir, CONFIG_FILE)
  const configText = (await readText(dir, CONFIG_FILE, limits)) ?? throwIncomplete(dir, CONFIG_FILE, present)
  const json = parseObject(configText, configFile)
  const parse = <Tensor extends FileTensor>(tensors: readonly (readonly [string, Tensor])[]) => {
    const found = new Map(tensors)
    const config = architectureOf(json, configFile).parseConfig(json, found, configFile)
    checkTensors(modelOf({ config }).tensors, found, fileIn(dir, name))
    return { config, tensors: found }
  }
  const { name, paths, fileOfTensor } = await findWeights(dir, present, limits)
  const files = await readTensorFiles(paths, {
    limits,
    shared,
    check(shapes) {
      if (fileOfTensor) checkIndex(fileOfTensor, shapes, paths, indexOf(name))
      const { config, tensors } = parse(shapes.flatMap((file) => [...file]))
      check?.(config, tensors)
    },
  })
  const { config, tensors } = parse(files.flatMap((file) => [...file.tensors]))
  const digests = files.map(({ sha256 }) => sha256)
  return {
    config,
    configText,
    tensors,
    metadata: files[0].metadata,
    sha256: digests.length === 1 ? digests[0] : createHash('sha256').update(digests.join('\n')).digest('hex'),
  }
}

/**
 * Returns the names of the files with a model's tensors: `model.safetensors` or `pytorch_model.bin`, or an index and
 * the files that it lists.
 */
export async function findModelFiles(dir: string, limits: ReadLimits): Promise<string[]> {
  const present = await listFolder(dir)
  const { name, paths, fileOfTensor } = await findWeights(dir, present, limits)
  return [...(fileOfTensor ? [indexOf(name)] : []), ...paths.map((path) => basename(path))]
}

/** Returns the name of the file with a model's tensors, or of the index of several, among the files of a folder. */
export const findWeightsEntry = (present: ReadonlySet<string>): string | undefined =>
  WEIGHTS_FILES.flatMap((file) => [file, indexOf(file)]).find((file) => present.has(file))

/** Returns whether a file lists the files with a model's tensors. */
export const isIndex = (name: string): boolean => name.endsWith(INDEX_SUFFIX)

/** @returns `name` is the usual name of the weights; `fileOfTensor` is not set if there is only one file */
async function findWeights(
  dir: string,
  present: ReadonlySet<string>,
  limits: ReadLimits,
): Promise<{ name: string; paths: string[]; fileOfTensor?: ReadonlyMap<string, string> }> {
  const file = findWeightsEntry(present) ?? throwIncomplete(dir, WEIGHTS_FILES[0], present)
  if (!isIndex(file)) return { name: file, paths: [join(dir, file)] }
  const name = file.slice(0, -INDEX_SUFFIX.length)
  const index = (await readText(dir, file, limits)) ?? throwIncomplete(dir, file, present)
  const fileOfTensor = parseWeightMap(parseObject(index, fileIn(dir, file)), fileIn(dir, file))
  const names = [...new Set(fileOfTensor.values())].sort()
  return { name, paths: names.map((each) => join(dir, each)), fileOfTensor }
}

/** @throws GraftError `checkpoint_tensors` if a file does not have exactly the tensors that the index lists for it */
function checkIndex(
  fileOfTensor: ReadonlyMap<string, string>,
  shapes: readonly Shapes[],
  paths: readonly string[],
  index: string,
): void {
  for (const [i, path] of paths.entries()) {
    const name = basename(path)
    const unlisted = [...shapes[i].keys()].find((tensor) => fileOfTensor.get(tensor) !== name)
    const missing = [...fileOfTensor].find(([tensor, file]) => file === name && !shapes[i].has(tensor))?.[0]
    if (unlisted ?? missing)
      fail('checkpoint_tensors', {
        subject: fileIn(dirname(path), name),
        problem:
          unlisted === undefined
            ? `is missing ${missing}, which ${index} lists for this file`
            : `contains ${unlisted}, which ${index} does not list for this file`,
        fix: FIX_MODEL,
      })
  }
}

const FIX_MODEL = 'Save or download the complete model again.'

function parseWeightMap({ weight_map: map }: Readonly<Record<string, unknown>>, subject: string): Map<string, string> {
  const entries = typeof map === 'object' && map !== null ? Object.entries(map) : []
  // A name with a separator could point outside the folder.
  if (
    entries.length > 0 &&
    entries.every(([, file]) => typeof file === 'string' && /^[^/\\]+\.(safetensors|bin)$/.test(file))
  )
    return new Map(entries)
  return fail('checkpoint_corrupt', {
    subject: `${subject}, weight_map`,
    expected: 'the name of a .safetensors or .bin file in the same folder for each tensor',
    found: describeJson(map),
    fix: FIX_MODEL,
  })
}

/**
 * Requires that a folder or a repository has the files of a model.
 * @throws GraftError `base_incomplete`
 */
export function requireModelFiles(dir: string, present: ReadonlySet<string>): void {
  if (!present.has(CONFIG_FILE)) throwIncomplete(dir, CONFIG_FILE, present)
  if (findWeightsEntry(present) === undefined) throwIncomplete(dir, WEIGHTS_FILES[0], present)
}

function throwIncomplete(dir: string, name: string, present: ReadonlySet<string>): never {
  if (present.has('adapter_config.json'))
    fail('base_incomplete', {
      subject: dir,
      problem: 'contains an adapter, not a base',
      fix: 'Give the folder of the base here, and this folder as the checkpoint.',
    })
  if (present.has('onnx'))
    fail('base_incomplete', {
      subject: dir,
      problem: 'contains a model as ONNX, which Graft writes for transformers.js but does not read',
      fix: 'Give the folder from which it was exported.',
    })
  fail('base_incomplete', {
    subject: dir,
    problem: `does not contain ${name}`,
    fix: 'Give a folder with config.json and model.safetensors or pytorch_model.bin, as transformers saves them.',
  })
}
