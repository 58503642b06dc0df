import { z } from 'zod'
import type { AdapterHubMethod } from './adapterhub-method.ts'
import { readKeys, throwNotSavable } from './config-rules.ts'
import { toPlainLora } from './plain-lora.ts'
import { float } from './python-json.ts'

const ATTENTION = ['q', 'k', 'v'] as const

const keys = z.object({
  r: z.int().positive().default(8),
  alpha: z.number().positive().default(8),
  attn_matrices: z.array(z.enum(ATTENTION)).min(1).max(ATTENTION.length).default(['q', 'v']),
})

/** AdapterHub's LoRA, on q, k and v of every attention. */
export const adapterHubLora: AdapterHubMethod = {
  architecture: 'lora',
  method: 'lora',
  rules: {
    alpha: 'read',
    architecture: 'read',
    attn_matrices: 'read',
    composition_mode: { only: ['add'], feature: 'scaling by vectors, as in IA3' },
    dropout: 'ignored',
    dtype: { only: [null, 'float32'] },
    init_weights: { only: ['lora', 'bert'] },
    init_weights_seed: 'ignored',
    intermediate_lora: { only: [false], feature: "LoRA in the feed-forward of AdapterHub's layout" },
    leave_out: { only: [[], null], feature: 'skipped layers' },
    output_lora: { only: [false], feature: "LoRA in the feed-forward of AdapterHub's layout" },
    r: 'read',
    selfattn_lora: { only: [true] },
    use_dora: { only: [false], feature: 'DoRA' },
    use_gating: { only: [false], feature: 'gating' },
    vera_b: { only: [null], feature: 'VeRA' },
    vera_d: { only: [null], feature: 'VeRA' },
  },
  toMethod(config, _model, subject, version) {
    const { r, alpha, attn_matrices: targets } = readKeys(config, keys, subject)
    // adapters < 1.1 trained without the scale, whatever the file says (github.com/adapter-hub/adapters/pull/770).
    const unscaled = version?.adapters && (version.major < 1 || (version.major === 1 && version.minor < 1))
    return { method: 'lora', rank: r, alpha: unscaled ? r : alpha, targets, rslora: false }
  },
  toSupportedMethod(method) {
    const targets = method.targets as string[]
    const unsupported = targets.find((target) => !ATTENTION.some((name) => name === target))
    if (unsupported) throwNotSavable('AdapterHub layout, targets', ATTENTION.join(', '), unsupported)
    return toPlainLora(method, 'AdapterHub')
  },
  toConfig: ({ rank, alpha, targets }) => ({
    alpha,
    architecture: 'lora',
    attn_matrices: targets,
    composition_mode: 'add',
    dropout: float(0),
    dtype: null,
    init_weights: 'lora',
    init_weights_seed: null,
    intermediate_lora: false,
    leave_out: [],
    output_lora: false,
    r: rank,
    selfattn_lora: true,
    use_dora: false,
    use_gating: false,
    vera_b: null,
    vera_d: null,
  }),
  tensorName(parameter, adapter) {
    const dot = parameter.lastIndexOf('.')
    return `${parameter.slice(0, dot)}.loras.${adapter}.${parameter.slice(dot + 1)}`
  },
}
