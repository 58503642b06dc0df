import { describeJson } from '../core/describe.ts'
import { fail } from '../core/errors.ts'
import { adapterhub } from './adapterhub.ts'
import { throwNotSavable } from './config-rules.ts'
import { fileIn, type JsonObject, listFolder, parseObject, readText } from './files.ts'
import { full } from './full.ts'
import type { Layout } from './layout.ts'
import { peft } from './peft.ts'

/** Every layout. To add one, write its file and list it here (docs/extending.md). */
export const layouts: Record<string, Layout> = {
  [peft.name]: peft,
  [adapterhub.name]: adapterhub,
  [full.name]: full,
}

/** Returns the layout in which a method is saved by default. */
export function defaultLayout(method: string): string {
  const layout = Object.values(layouts).find(({ defaultFor }) => defaultFor.includes(method))
  return layout?.name ?? throwNotSavable('method', 'a method that a layout can store', method)
}

/** The maximum number of files or keys that an error lists. */
const MAX_LISTED = 5

export interface DetectedLayout {
  layout: Layout
  config: JsonObject
  /** The text of the configuration file. */
  text: string
  /** The name of the configuration file in errors. */
  subject: string
}

/**
 * Detects which library made a folder.
 * @throws GraftError `file_missing`, or `checkpoint_config` if Graft does not support the library or the method
 */
export async function detectLayout(dir: string): Promise<DetectedLayout> {
  const present = await listFolder(dir)
  for (const file of new Set(Object.values(layouts).map(({ configFile }) => configFile))) {
    const text = await readText(dir, file)
    if (text === undefined) continue
    const subject = fileIn(dir, file)
    const config = parseObject(text, subject)
    if ('delta_type' in config)
      fail('checkpoint_config', {
        subject,
        expected: 'the configuration of a PEFT adapter, an AdapterHub adapter or a full model',
        found: `the configuration of an OpenDelta adapter (delta_type ${describeJson(config.delta_type)})`,
        fix: 'Graft does not read OpenDelta folders. Train the adapter with Graft, or save it with PEFT or AdapterHub.',
      })
    const layout = Object.values(layouts).find(
      ({ configFile, recognizes }) => configFile === file && recognizes(config),
    )
    if (layout) return { layout, config, text, subject }
    fail('checkpoint_config', {
      subject,
      expected: 'the key peft_type (PEFT), config (AdapterHub) or model_type (a full model)',
      found: Object.keys(config).slice(0, MAX_LISTED).join(', ') || 'no keys',
      fix: 'Use a folder that PEFT, AdapterHub or transformers saved.',
    })
  }
  return fail('file_missing', {
    subject: dir,
    expected: 'adapter_config.json, or config.json for a full model',
    found: present.size === 0 ? 'an empty folder' : [...present].sort().slice(0, MAX_LISTED).join(', '),
    fix: 'Give the folder that contains these files.',
  })
}
