import { modelOf } from '../model/architectures.ts'
import { type MethodConfig, parseMethod } from '../model/methods/registry.ts'
import { adapterHubBottleneck } from './adapterhub-bottleneck.ts'
import { adapterHubHead } from './adapterhub-head.ts'
import { adapterHubLora } from './adapterhub-lora.ts'
import type { AdapterHubMethod, LibraryVersion } from './adapterhub-method.ts'
import { checkKeys, FIX_BASE, throwNotSavable, throwUnsupported } from './config-rules.ts'
import { isObject, type JsonObject } from './files.ts'
import type { Layout } from './layout.ts'
import { FOLDER, loadT5 } from './model-card.ts'
import { toPythonJson } from './python-json.ts'

const LIBRARY_VERSION = 'adapters.1.3.0'

/** The folders of AdapterHub's `adapters` 1.3, with bottleneck adapters or LoRA. */
export const adapterhub: Layout = {
  name: 'adapterhub',
  configFile: 'adapter_config.json',
  weightsFile: 'adapter.safetensors',
  defaultFor: ['bottleneck'],
  // T5AdapterModel uses the second one.
  prefixes: ['', 'transformer.'],
  library: { name: 'adapters', load: (base) => loadInPython(base, ', use_safetensors=True') },
  head: adapterHubHead,
  copiedFromBase: [],
  recognizes: (config) => 'config' in config && !('peft_type' in config),
  parseConfig(file, model, subject) {
    checkKeys(file, fileRules, subject)
    const { config, name, hidden_size: width } = file
    if (typeof name !== 'string' || !isValidName(name))
      return throwUnsupported(`${subject}, name`, NAME_EXPECTATION, name, 'Save the adapter under another name.')
    if ((width ?? model.width) !== model.width)
      throwUnsupported(`${subject}, hidden_size`, `${model.width}, the width of the base`, width, FIX_BASE)
    if (!isObject(config))
      return throwUnsupported(`${subject}, config`, 'the configuration as an object', config, FIX_FILE)
    const within = `${subject}, config`
    const hubMethod = hubMethods.find(({ architecture }) => architecture === (config.architecture ?? null))
    if (!hubMethod)
      return throwUnsupported(
        `${within}, architecture`,
        '"lora", or no value for a bottleneck adapter',
        config.architecture,
      )
    checkKeys(config, hubMethod.rules, within)
    return {
      method: parseMethod(hubMethod.toMethod(config, model, within, parseVersion(file, subject))),
      adapter: name,
    }
  },
  toSupportedMethod: (method) => hubMethodOf(method).toSupportedMethod(method),
  formatConfig: (method, base, name) => {
    if (!isValidName(name)) throwNotSavable('AdapterHub layout, name', NAME_EXPECTATION, name)
    return toPythonJson({
      config: hubMethodOf(method).toConfig(method, modelOf(base)),
      hidden_size: modelOf(base).width,
      model_class: 'T5ForConditionalGeneration',
      model_name: base.name,
      model_type: 't5',
      name,
      version: LIBRARY_VERSION,
    })
  },
  tensorName: (parameter, method, { adapter, prefix }) => prefix + hubMethodOf(method).tensorName(parameter, adapter),
}

/** The same folders with the weights in the pickle that the library reads by default. */
export const adapterhubBin: Layout = {
  ...adapterhub,
  name: 'adapterhub-bin',
  weightsFile: 'pytorch_adapter.bin',
  library: { name: 'adapters', load: (base) => loadInPython(base) },
  defaultFor: [],
}

const loadInPython = (base: string, options = ''): string[] => [
  'import adapters',
  loadT5(base),
  'adapters.init(model)',
  `model.set_active_adapters(model.load_adapter("${FOLDER}"${options}))`,
]

const fileRules = {
  config: 'read',
  // A digest of the configuration, which save_all_adapters adds.
  config_id: 'ignored',
  hidden_size: 'read',
  model_class: 'ignored',
  model_name: 'ignored',
  model_type: { only: ['t5', null] },
  name: 'read',
  version: 'read',
} as const

const hubMethods: readonly AdapterHubMethod[] = [adapterHubBottleneck, adapterHubLora]

function hubMethodOf({ method }: MethodConfig): AdapterHubMethod {
  const known = hubMethods.find((hubMethod) => hubMethod.method === method)
  return (
    known ??
    throwNotSavable('AdapterHub layout, method', hubMethods.map((hubMethod) => hubMethod.method).join(' or '), method)
  )
}

const FIX_FILE = 'Save the adapter again with a current version of adapters.'

const NAME_EXPECTATION = 'a name without dots'

/** PyTorch registers adapters under their names as modules, and names of modules must not contain dots. */
const isValidName = (name: string): boolean => name !== '' && !name.includes('.')

/**
 * Parses a version such as `adapters.1.3.0`. adapter-transformers wrote no prefix, and its first versions wrote
 * nothing.
 */
function parseVersion({ version }: JsonObject, subject: string): LibraryVersion | undefined {
  if (version === undefined) return undefined
  const parts = typeof version === 'string' ? /^(adapters\.)?(\d+)\.(\d+)/.exec(version) : null
  if (!parts) return throwUnsupported(`${subject}, version`, 'a version such as adapters.1.3.0', version, FIX_FILE)
  return { adapters: parts[1] !== undefined, major: Number(parts[2]), minor: Number(parts[3]) }
}
