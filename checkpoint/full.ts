import { isDeepStrictEqual } from 'node:util'
import { fail } from '../core/errors.ts'
import type { ModelConfig } from '../model/architecture.ts'
import { architectures, modelOf } from '../model/architectures.ts'
import type { Base } from './base.ts'
import { throwNotSavable } from './config-rules.ts'
import { fileIn } from './files.ts'
import type { Layout } from './layout.ts'
import { ADAPTER_LIMITS } from './limits.ts'
import { FOLDER, loadT5 } from './model-card.ts'
import { findModelFiles, readModelFolder } from './model-folder.ts'
import type { Shapes } from './tensor-file.ts'

const CONFIG_FILE = 'config.json'

/** A full model in Hugging Face's layout, as full fine-tuning produces it. */
export const full: Layout = {
  name: 'full',
  configFile: CONFIG_FILE,
  weightsFile: 'model.safetensors',
  metadata: { format: 'pt' },
  defaultFor: ['full'],
  prefixes: [''],
  library: { name: 'transformers', load: () => [loadT5(FOLDER)] },
  copiedFromBase: [
    'tokenizer.json',
    'tokenizer_config.json',
    'special_tokens_map.json',
    'added_tokens.json',
    'spiece.model',
    'generation_config.json',
  ],
  // OpenDelta's file has the same name.
  recognizes: (config) =>
    !('delta_type' in config) && Object.values(architectures).some(({ recognizes }) => recognizes(config)),
  parseConfig: () => ({ method: { method: 'full' } }),
  async readWeights(dir, base) {
    const requireBaseConfig = (config: ModelConfig): void => {
      const key = findDifference(config, base.config)
      if (key)
        fail('base_mismatch', {
          subject: `${fileIn(dir, CONFIG_FILE)}, ${key}`,
          expected: `${fieldOf(base.config, key)}, as in the base ${base.name}`,
          found: String(fieldOf(config, key)),
          fix: 'Use the base from which this model was fine-tuned.',
        })
    }
    const { config, ...file } = await readModelFolder(dir, {
      limits: ADAPTER_LIMITS,
      // Only the values show whether a tensor is a copy of another one, on which the configuration may depend. Tensors
      // of the base's shapes are small enough to find out.
      check(config, tensors) {
        if (!areTensorsOf(base, tensors)) requireBaseConfig(config)
      },
    })
    requireBaseConfig(config)
    return file
  },
  weightsFilesIn: (dir) => findModelFiles(dir, ADAPTER_LIMITS),
  toSupportedMethod: (method) =>
    method.method === 'full' ? method : throwNotSavable('full layout, method', 'full', method.method),
  formatConfig: (_, base) => base.configText,
  tensorName: (parameter) => parameter,
}

function areTensorsOf(base: Base, tensors: Shapes): boolean {
  const shapes = new Map(modelOf(base).tensors.map(({ name, shape }) => [name, shape.join()]))
  return [...tensors].every(([name, { shape }]) => shapes.get(name) === shape.join())
}

/** Returns a size or choice in which two models differ. Dropout only matters in training. */
const findDifference = (a: ModelConfig, b: ModelConfig): string | undefined =>
  Object.keys(a).find((key) => key !== 'dropoutRate' && !isDeepStrictEqual(fieldOf(a, key), fieldOf(b, key)))

const fieldOf = (config: ModelConfig, key: string): unknown => (config as unknown as Record<string, unknown>)[key]
