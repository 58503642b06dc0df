import { type MethodConfig, parseMethod } from '../model/methods/registry.ts'
import { checkKeys, type KeyRules, throwNotSavable, throwUnsupported } from './config-rules.ts'
import type { Layout } from './layout.ts'
import { FOLDER, loadT5 } from './model-card.ts'
import { peftIa3 } from './peft-ia3.ts'
import { peftLora } from './peft-lora.ts'
import type { PeftMethod } from './peft-method.ts'
import { peftPrefix } from './peft-prefix.ts'
import { peftPrompt } from './peft-prompt.ts'
import { toPythonJson } from './python-json.ts'

const LIBRARY_VERSION = '0.21.2'

const peftMethods: readonly PeftMethod[] = [peftLora, peftIa3, peftPrompt, peftPrefix]

/** The folders of Hugging Face's PEFT 0.21. */
export const peft: Layout = {
  name: 'peft',
  configFile: 'adapter_config.json',
  weightsFile: 'adapter_model.safetensors',
  otherWeightsFiles: ['adapter_model.bin'],
  metadata: { format: 'pt' },
  defaultFor: peftMethods.map(({ method }) => method),
  prefixes: [''],
  library: {
    name: 'peft',
    load: (base, isOnHub) =>
      isOnHub
        ? [
            'from peft import AutoPeftModelForSeq2SeqLM',
            `model = AutoPeftModelForSeq2SeqLM.from_pretrained("${FOLDER}")`,
          ]
        : ['from peft import PeftModel', loadT5(base), `model = PeftModel.from_pretrained(model, "${FOLDER}")`],
  },
  copiedFromBase: [],
  recognizes: (config) => 'peft_type' in config,
  parseConfig(config, model, subject) {
    const peftMethod = peftMethods.find(({ type }) => type === config.peft_type)
    if (!peftMethod)
      return throwUnsupported(
        `${subject}, peft_type`,
        peftMethods.map(({ type }) => type).join(' or '),
        config.peft_type,
      )
    checkKeys(config, { ...commonRules, ...peftMethod.rules }, subject)
    return { method: parseMethod(peftMethod.toMethod(config, model, subject)) }
  },
  toSupportedMethod(method) {
    peftMethodOf(method)
    return method
  },
  formatConfig(method, base) {
    const { type, toConfig } = peftMethodOf(method)
    return toPythonJson({
      auto_mapping: null,
      base_model_name_or_path: base.name,
      inference_mode: true,
      modules_to_save: null,
      peft_type: type,
      peft_version: LIBRARY_VERSION,
      revision: base.hub?.commit ?? null,
      task_type: 'SEQ_2_SEQ_LM',
      ...toConfig(method, base),
    })
  },
  tensorName: (parameter, method) => peftMethodOf(method).tensorName(parameter),
}

const commonRules: KeyRules = {
  auto_mapping: 'ignored',
  base_model_name_or_path: 'ignored',
  inference_mode: 'ignored',
  modules_to_save: { only: [null, []], feature: 'modules that are trained in addition to the adapter' },
  peft_type: 'read',
  peft_version: 'ignored',
  revision: 'ignored',
  runtime_config: 'ignored',
  task_type: {
    only: ['SEQ_2_SEQ_LM', null],
    feature: 'models of other kinds, such as those with a classification head instead of label words',
  },
}

function peftMethodOf({ method }: MethodConfig): PeftMethod {
  const known = peftMethods.find((peftMethod) => peftMethod.method === method)
  return known ?? throwNotSavable('PEFT layout, method', peftMethods.map((one) => one.method).join(' or '), method)
}
