import { z } from 'zod'
import type { Kind } from './adapterhub-kind.ts'
import { cannotHold, readKeys } from './config-rules.ts'
import { float } from './python-json.ts'

const ATTENTION = ['q', 'k', 'v'] as const

const keys = z.object({
  r: z.int().positive().default(8),
  alpha: z.number().positive().default(8),
  attn_matrices: z.array(z.enum(ATTENTION)).min(1).default(['q', 'v']),
})

/** LoRA of AdapterHub: q, k and v of every attention. */
export const loraKind: Kind = {
  architecture: 'lora',
  method: 'lora',
  rules: {
    alpha: 'read',
    architecture: 'read',
    attn_matrices: 'read',
    composition_mode: { only: ['add'], about: 'scaling by vectors, as IA3 does,' },
    dropout: 'ignored',
    dtype: { only: [null, 'float32'] },
    init_weights: { only: ['lora', 'bert'] },
    init_weights_seed: 'ignored',
    intermediate_lora: { only: [false], about: "LoRA in the feed-forward of AdapterHub's layout" },
    leave_out: { only: [[], null], about: 'leaving layers out' },
    output_lora: { only: [false], about: "LoRA in the feed-forward of AdapterHub's layout" },
    r: 'read',
    selfattn_lora: { only: [true] },
    use_dora: { only: [false], about: 'DoRA' },
    use_gating: { only: [false], about: 'gating' },
    vera_b: { only: [null], about: 'VeRA' },
    vera_d: { only: [null], about: 'VeRA' },
  },
  read(config, _t5, subject, version) {
    const { r, alpha, attn_matrices: targets } = readKeys(config, keys, subject)
    // adapters < 1.1 trained without its scale, whatever the file says (github.com/adapter-hub/adapters/pull/770).
    const unscaled = version?.adapters && (version.major < 1 || (version.major === 1 && version.minor < 1))
    return { method: 'lora', rank: r, alpha: unscaled ? r : alpha, targets, rslora: false }
  },
  stored(method) {
    const targets = method.targets as string[]
    const other = targets.find((target) => !ATTENTION.some((name) => name === target))
    if (other) cannotHold('AdapterHub, targets', ATTENTION.join(', '), other)
    if (method.rslora) cannotHold('AdapterHub, rslora', 'false', true)
    return method
  },
  write: ({ rank, alpha, targets }) => ({
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
  fileName(parameter, adapter) {
    const cut = parameter.lastIndexOf('.')
    return `${parameter.slice(0, cut)}.loras.${adapter}.${parameter.slice(cut + 1)}`
  },
}
