import { isDeepStrictEqual } from 'node:util'
import { fail } from '../core/errors.ts'
import type { ModelConfig } from '../model/architecture.ts'
import { architectures } from '../model/architectures.ts'
import { throwNotSavable } from './config-rules.ts'
import { fileIn } from './files.ts'
import type { Layout } from './layout.ts'
import { readModelFolder } from './model-folder.ts'

const CONFIG_FILE = 'config.json'

/** A full model in Hugging Face's layout, as full fine-tuning produces it. */
export const full: Layout = {
  name: 'full',
  configFile: CONFIG_FILE,
  weightsFile: 'model.safetensors',
  metadata: { format: 'pt' },
  defaultFor: ['full'],
  prefixes: [''],
  copiedFromBase: [
    'tokenizer.json',
    'tokenizer_config.json',
    'special_tokens_map.json',
    'added_tokens.json',
    'spiece.model',
    'generation_config.json',
  ],
  recognizes: (config) => Object.values(architectures).some(({ recognizes }) => recognizes(config)),
  parseConfig: () => ({ method: { method: 'full' } }),
  async readWeights(dir, base) {
    const { config, ...file } = await readModelFolder(dir, false)
    const key = findDifference(config, base.config)
    if (key)
      fail('base_mismatch', {
        subject: `${fileIn(dir, CONFIG_FILE)}, ${key}`,
        expected: `${fieldOf(base.config, key)}, as in the base ${base.name}`,
        found: String(fieldOf(config, key)),
        fix: 'Use the base from which this model was fine-tuned.',
      })
    return file
  },
  toSupportedMethod: (method) =>
    method.method === 'full' ? method : throwNotSavable('full layout, method', 'full', method.method),
  formatConfig: (_, base) => base.configText,
  tensorName: (parameter) => parameter,
}

/** Returns a size or choice in which two models differ. Dropout only matters in training. */
const findDifference = (a: ModelConfig, b: ModelConfig): string | undefined =>
  Object.keys(a).find((key) => key !== 'dropoutRate' && !isDeepStrictEqual(fieldOf(a, key), fieldOf(b, key)))

const fieldOf = (config: ModelConfig, key: string): unknown => (config as unknown as Record<string, unknown>)[key]
