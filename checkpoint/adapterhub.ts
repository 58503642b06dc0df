import { type MethodConfig, parseMethod } from '../model/methods/registry.ts'
import { bottleneckKind } from './adapterhub-bottleneck.ts'
import type { Kind, LibraryVersion } from './adapterhub-kind.ts'
import { loraKind } from './adapterhub-lora.ts'
import { cannotHold, checkKeys, refuse } from './config-rules.ts'
import type { JsonObject } from './files.ts'
import type { Layout } from './layout.ts'
import { pythonJson } from './python-json.ts'
import { readAdapterWeights } from './weights-file.ts'

const VERSION = 'adapters.1.3.0'
const WEIGHTS = 'adapter.safetensors'

/** Folders of AdapterHub's `adapters`, as its 1.3 writes them: bottleneck adapters and LoRA. */
export const adapterhub: Layout = {
  name: 'adapterhub',
  configFile: 'adapter_config.json',
  weightsFile: WEIGHTS,
  defaultFor: ['bottleneck'],
  // The second is that of T5AdapterModel.
  prefixes: ['', 'transformer.'],
  companions: [],
  recognises: (config) => 'config' in config && !('peft_type' in config),
  read(file, t5, subject) {
    checkKeys(file, fileRules, subject)
    const { config, name, hidden_size: width } = file
    if (typeof name !== 'string' || !isName(name)) return refuse(`${subject}, name`, NAME, name)
    if ((width ?? t5.dModel) !== t5.dModel)
      refuse(`${subject}, hidden_size`, `${t5.dModel}, the width of this base`, width)
    if (!isObject(config)) return refuse(`${subject}, config`, 'the configuration written out', config)
    const within = `${subject}, config`
    const kind = kinds.find(({ architecture }) => architecture === (config.architecture ?? null))
    if (!kind) return refuse(`${within}, architecture`, 'lora, or none for a bottleneck adapter', config.architecture)
    checkKeys(config, kind.rules, within)
    return { method: parseMethod(kind.read(config, t5, within, versionOf(file, subject))), adapter: name }
  },
  readWeights: (dir) => readAdapterWeights(dir, WEIGHTS),
  stored: (method) => kindOf(method).stored(method),
  write: (method, { name: model, t5 }, name) => {
    if (!isName(name)) cannotHold('AdapterHub, name', NAME, name)
    return pythonJson({
      config: kindOf(method).write(method, t5),
      hidden_size: t5.dModel,
      model_class: 'T5ForConditionalGeneration',
      model_name: model,
      model_type: 't5',
      name,
      version: VERSION,
    })
  },
  fileName: (parameter, method, { adapter, prefix }) => prefix + kindOf(method).fileName(parameter, adapter),
}

const fileRules = {
  config: 'read',
  hidden_size: 'read',
  model_class: 'ignored',
  model_name: 'ignored',
  model_type: { only: ['t5', null] },
  name: 'read',
  version: 'read',
} as const

const kinds: readonly Kind[] = [bottleneckKind, loraKind]

function kindOf({ method }: MethodConfig): Kind {
  const known = kinds.find((kind) => kind.method === method)
  return known ?? cannotHold('AdapterHub, method', kinds.map((kind) => kind.method).join(' or '), method)
}

const NAME = 'a name without points'

/** Torch keeps adapters by name among its modules, whose names may hold no point. */
const isName = (name: string): boolean => name !== '' && !name.includes('.')

/** `adapters.1.3.0`; the version before that library has no such prefix, and none at all is older still. */
function versionOf({ version }: JsonObject, subject: string): LibraryVersion | undefined {
  if (version === undefined) return undefined
  const parts = typeof version === 'string' ? /^(adapters\.)?(\d+)\.(\d+)/.exec(version) : null
  if (!parts) return refuse(`${subject}, version`, 'a version such as adapters.1.3.0', version)
  return { adapters: parts[1] !== undefined, major: Number(parts[2]), minor: Number(parts[3]) }
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
