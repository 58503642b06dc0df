import { fail } from '../core/errors.ts'
import { adapterhub } from './adapterhub.ts'
import { cannotHold, refuse } from './config-rules.ts'
import { fileIn, type JsonObject, listFolder, parseObject, readText } from './files.ts'
import { full } from './full.ts'
import type { Layout, LayoutName } from './layout.ts'
import { peft } from './peft.ts'

export const layouts: Readonly<Record<LayoutName, Layout>> = { peft, adapterhub, full }

/** The layout in which a method is saved unless another is asked for. */
export function defaultLayout(method: string): LayoutName {
  const layout = Object.values(layouts).find(({ defaultFor }) => defaultFor.includes(method))
  return layout?.name ?? cannotHold('layout', 'a method that some library has', method)
}

export interface Detected {
  layout: Layout
  config: JsonObject
  /** The configuration as it stands. */
  text: string
  /** The configuration's file, as errors name it. */
  subject: string
}

/**
 * Tells from its files which library made a folder.
 * @throws GraftError `file_missing`, or `checkpoint_config` for a library or a method that Graft does not read
 */
export async function detectLayout(dir: string): Promise<Detected> {
  const present = await listFolder(dir)
  for (const file of new Set(Object.values(layouts).map(({ configFile }) => configFile))) {
    const text = await readText(dir, file)
    if (text === undefined) continue
    const subject = fileIn(dir, file)
    const config = parseObject(text, subject)
    if ('delta_type' in config)
      refuse(subject, 'a folder of PEFT, AdapterHub or a whole T5', `OpenDelta's ${config.delta_type}`)
    const layout = Object.values(layouts).find(
      ({ configFile, recognises }) => configFile === file && recognises(config),
    )
    if (layout) return { layout, config, text, subject }
    refuse(
      subject,
      'peft_type (PEFT), config (AdapterHub) or d_model (a whole T5)',
      Object.keys(config).slice(0, 5).join(', '),
    )
  }
  return fail('file_missing', {
    subject: dir,
    expected: 'adapter_config.json, or the config.json of a whole model',
    found: present.size === 0 ? 'an empty folder' : [...present].sort().slice(0, 5).join(', '),
    fix: 'Name the folder that holds the checkpoint.',
  })
}
