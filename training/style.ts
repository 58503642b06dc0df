import { layouts } from '../checkpoint/layouts.ts'
import { fail, GraftError } from '../core/errors.ts'
import { type MethodConfig, parseMethod } from '../model/methods/registry.ts'

/** The libraries whose function can be trained and whose layout can be written. */
export const styles = ['peft', 'adapterhub', 'opendelta'] as const
export type Style = (typeof styles)[number]

/** The settings of a method whose defaults in a library differ from Graft's. */
const defaults: Readonly<Record<Style, Readonly<Record<string, object>>>> = {
  peft: {},
  adapterhub: {},
  opendelta: { lora: { targets: ['SelfAttention.q', 'SelfAttention.v'] }, bottleneck: { variant: 'opendelta' } },
}

/**
 * Checks the configuration of a method and fills in the defaults of a library, or of Graft if there is no style.
 * @throws GraftError `method_invalid`, also if the library does not have the method
 */
export function parseStyledMethod(given: MethodConfig, style: Style | undefined): MethodConfig {
  if (style === undefined) return parseMethod(given)
  const method = parseMethod({ ...defaults[style][given.method], ...given })
  try {
    layouts[style].toSupportedMethod(method)
  } catch (error) {
    if (!(error instanceof GraftError)) throw error
    fail('method_invalid', { ...error.detail, fix: `Leave out the style ${style}, or choose another one.` }, error)
  }
  return method
}
