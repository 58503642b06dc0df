import { describeJson } from '../core/describe.ts'
import { fail } from '../core/errors.ts'
import type { Architecture, Model, ModelConfig } from './architecture.ts'
import { t5Architecture } from './t5/architecture.ts'
import { T5_SMALL } from './t5/config.ts'

/** Every architecture. To add one, write its folder and list it here (docs/extending.md). */
export const architectures: Record<string, Architecture> = {
  [t5Architecture.name]: t5Architecture,
}

/** Models whose parameters can be counted without a folder. */
export const builtInModels: Readonly<Record<string, ModelConfig>> = { 't5-small': T5_SMALL }

const models = new WeakMap<ModelConfig, Model>()

/** Returns the model of a base, or of anything else with a configuration. */
export function modelOf({ config }: { readonly config: ModelConfig }): Model {
  const known = models.get(config)
  if (known) return known
  const architecture = architectures[config.architecture]
  if (!architecture) throw new Error(`no architecture is named ${config.architecture}`)
  const model = architecture.describe(config)
  models.set(config, model)
  return model
}

/**
 * Returns the architecture that a `config.json` describes.
 * @throws GraftError `base_incomplete`
 */
export function architectureOf(json: Readonly<Record<string, unknown>>, subject: string): Architecture {
  const all = Object.values(architectures)
  return (
    all.find((architecture) => architecture.recognizes(json)) ??
    fail('base_incomplete', {
      subject: `${subject}, model_type`,
      expected: all.map(({ name }) => name).join(' or '),
      found: describeJson(json.model_type),
      fix: 'Use a base of a supported architecture, as saved by transformers.',
    })
  )
}
