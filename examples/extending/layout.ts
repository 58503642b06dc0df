// A checkpoint layout, for the folders of a library that calls the matrices of LoRA `down` and `up`.
import { z } from 'zod'
import { checkKeys, type KeyRules, readKeys, throwNotSavable } from '../../checkpoint/config-rules.ts'
import type { Layout } from '../../checkpoint/layout.ts'
import { parseMethod } from '../../model/methods/registry.ts'

// #region keys
const rules: KeyRules = {
  library: 'read',
  rank: 'read',
  alpha: 'read',
  modules: 'read',
  dropout: 'ignored',
  bias: { only: [false], feature: 'trained biases' },
}

const keys = z.object({
  rank: z.int().positive(),
  alpha: z.number().positive(),
  modules: z.array(z.string().min(1)).min(1),
})
// #endregion

// #region layout
export const downUp: Layout = {
  name: 'down-up',
  configFile: 'lora.json',
  weightsFile: 'lora.safetensors',
  defaultFor: [],
  prefixes: [''],
  copiedFromBase: [],
  recognizes: (config) => config.library === 'down-up',
  parseConfig(config, _model, subject) {
    checkKeys(config, rules, subject)
    const { rank, alpha, modules } = readKeys(config, keys, subject)
    return { method: parseMethod({ method: 'lora', rank, alpha, targets: modules }) }
  },
  toSupportedMethod: (method) =>
    method.method === 'lora' && method.rslora === false
      ? method
      : throwNotSavable('down-up layout, method', 'lora without rslora', method),
  formatConfig: ({ rank, alpha, targets }) =>
    JSON.stringify({ library: 'down-up', rank, alpha, modules: targets, dropout: 0, bias: false }, undefined, 2),
  tensorName: (parameter) => parameter.replace(/lora_A$/, 'down').replace(/lora_B$/, 'up'),
}
// #endregion
