import { z } from 'zod'
import { MAX_TARGETS } from '../model/targets.ts'
import { readKeys } from './config-rules.ts'
import type { PeftMethod } from './peft-method.ts'
import { MAX_PATTERN_LENGTH, resolveTargets } from './peft-targets.ts'

const modules = z.union([z.array(z.string().min(1)).max(MAX_TARGETS), z.string().min(1).max(MAX_PATTERN_LENGTH)], {
  error: `a list of up to ${MAX_TARGETS} module names or a regular expression`,
})

const keys = z.object({ target_modules: modules.nullish(), feedforward_modules: modules.nullish() })

/** PEFT's IA3. */
export const peftIa3: PeftMethod = {
  type: 'IA3',
  method: 'ia3',
  rules: {
    exclude_modules: { only: [null, []] },
    fan_in_fan_out: { only: [false] },
    feedforward_modules: 'read',
    init_ia3_weights: 'ignored',
    target_modules: 'read',
  },
  toMethod(config, model, subject) {
    const { target_modules: targets, feedforward_modules: feedforward } = readKeys(config, keys, subject)
    const resolve = (names: typeof targets, key: string, defaults: readonly string[]) => {
      if (Array.isArray(names) && names.length === 0) return []
      return resolveTargets(names, model, subject, { key, defaults })
    }
    return {
      method: 'ia3',
      targets: resolve(targets, 'target_modules', ['k', 'v', 'wo']),
      // Without targets either, PEFT takes its defaults for a T5.
      feedforward: resolve(feedforward, 'feedforward_modules', targets ? [] : ['wo']),
    }
  },
  toConfig: ({ targets, feedforward }) => ({
    exclude_modules: null,
    fan_in_fan_out: false,
    feedforward_modules: feedforward,
    init_ia3_weights: true,
    target_modules: targets,
  }),
  tensorName: (parameter) => `base_model.model.${parameter}`,
}
