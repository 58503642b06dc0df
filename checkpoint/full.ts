import { isDeepStrictEqual } from 'node:util'
import { fail } from '../core/errors.ts'
import type { T5Config } from '../model/t5/config.ts'
import { cannotHold } from './config-rules.ts'
import { fileIn } from './files.ts'
import type { Layout } from './layout.ts'
import { readModelFolder } from './model-folder.ts'

const CONFIG = 'config.json'

/** A whole model in Hugging Face's layout: what full fine-tuning makes of a base. */
export const full: Layout = {
  name: 'full',
  configFile: CONFIG,
  weightsFile: 'model.safetensors',
  metadata: { format: 'pt' },
  defaultFor: ['full'],
  prefixes: [''],
  companions: [
    'tokenizer.json',
    'tokenizer_config.json',
    'special_tokens_map.json',
    'added_tokens.json',
    'spiece.model',
    'generation_config.json',
  ],
  recognises: (config) => 'd_model' in config,
  read: () => ({ method: { method: 'full' } }),
  async readWeights(dir, base) {
    const { t5, ...file } = await readModelFolder(dir, false)
    const key = differing(t5, base.t5)
    if (key)
      fail('base_mismatch', {
        subject: `${fileIn(dir, CONFIG)}, ${key}`,
        expected: `${base.t5[key]}, as in ${base.name}`,
        found: String(t5[key]),
        fix: 'Give the base from which this model was tuned.',
      })
    return file
  },
  stored: (method) => (method.method === 'full' ? method : cannotHold('a whole model, method', 'full', method.method)),
  write: (_, base) => base.configText,
  fileName: (parameter) => parameter,
}

/** A size or choice of the model that differs; dropout acts in training alone. */
function differing(a: T5Config, b: T5Config): keyof T5Config | undefined {
  const keys = Object.keys(a) as (keyof T5Config)[]
  return keys.find((key) => key !== 'dropoutRate' && !isDeepStrictEqual(a[key], b[key]))
}
