import { basename } from 'node:path'
import { saveAdapter } from '../../checkpoint/adapter.ts'
import { type Base, loadBase } from '../../checkpoint/base.ts'
import { embeddedBase } from '../../checkpoint/embedded-base.ts'
import type { ManifestFields } from '../../checkpoint/manifest.ts'
import { fail } from '../../core/errors.ts'
import { random } from '../../core/random.ts'
import type { MethodConfig } from '../../model/methods/registry.ts'
import { makeTokenizer, type Tokenizer } from '../../model/tokenizer.ts'
import type { EngineOptions } from '../../serving/engine-types.ts'
import { freshPath, tuned } from '../checkpoint/helpers.ts'

export const base: Base = await loadBase(embeddedBase)
export const tokenizer: Tokenizer = makeTokenizer(base.tokenizer?.json ?? {}, base.tokenizer?.config ?? {})

/** Saves an adapter whose tensors have all moved, as training might leave them, under this name. */
export async function savedAs(
  name: string,
  config: MethodConfig,
  size: number,
  fields: ManifestFields = {},
): Promise<string> {
  const dir = freshPath(name)
  await saveAdapter(dir, tuned(config, base, size), base, fields)
  return dir
}

/** Every method, with the size of the noise that makes it answer otherwise than its base without being sure of everything. */
export const configs: readonly [name: string, config: MethodConfig, size: number, fields?: ManifestFields][] = [
  ['lora-4', { method: 'lora', rank: 4 }, 0.05],
  ['lora-8', { method: 'lora', rank: 8, targets: ['q', 'k', 'v', 'o', 'wi', 'wo'], rslora: true }, 0.02],
  ['seq-bn', { method: 'bottleneck', variant: 'seq_bn' }, 0.05],
  ['double-seq-bn', { method: 'bottleneck', variant: 'double_seq_bn', bottleneck: 5, cross_attention: true }, 0.1],
  ['opendelta', { method: 'bottleneck', variant: 'opendelta' }, 0.1],
  ['prompt', { method: 'soft-prompt', tokens: 5 }, 0.5],
  ['full', { method: 'full' }, 0.01],
  [
    'three-labels',
    { method: 'lora', rank: 4, alpha: 8 },
    0.08,
    {
      label_words: { good: 'great', neutral: 'fine', bad: 'terrible' },
      truncation: { max_tokens: 40, side: 'right' },
      temperature: 2.5,
    },
  ],
]

export const savedConfigs = (): Promise<string[]> =>
  Promise.all(configs.map(([name, config, size, fields]) => savedAs(name, config, size, fields)))

/** A `folderOf` that knows folders by their names. */
export function namedFolders(folders: readonly string[]): EngineOptions['folderOf'] {
  const byName = new Map(folders.map((dir) => [basename(dir), dir]))
  return async (key) => byName.get(key) ?? fail('adapter_unknown', { subject: key, ...UNKNOWN })
}
const UNKNOWN = { expected: 'a folder of the test', found: 'none of that name', fix: 'Save one.' }

/** Words of one token each. */
const words = Array.from({ length: 4000 }, (_, id) => tokenizer.piece(id) ?? '').filter((piece) =>
  /^[a-z]{3,}$/.test(piece),
)

/** A text of exactly so many tokens, the one that ends it included. */
export function textOf(tokens: number, seed = 0): string {
  const draw = random(seed, `text of ${tokens}`)
  return Array.from({ length: tokens - 1 }, () => words[draw.integer(words.length)]).join(' ')
}
