import { basename } from 'node:path'
import { saveAdapter } from '../../checkpoint/adapter.ts'
import { type Base, loadBase } from '../../checkpoint/base.ts'
import { embeddedBase } from '../../checkpoint/embedded-base.ts'
import type { ManifestFields } from '../../checkpoint/manifest.ts'
import { fail } from '../../core/errors.ts'
import { makeRandom } from '../../core/random.ts'
import type { MethodConfig } from '../../model/methods/registry.ts'
import { makeTokenizer, type Tokenizer } from '../../model/tokenizer.ts'
import type { EngineOptions } from '../../serving/engine-types.ts'
import { freshPath, randomAdapter } from '../checkpoint/helpers.ts'

export const base: Base = await loadBase(embeddedBase)
export const tokenizer: Tokenizer = makeTokenizer(base.tokenizer?.json ?? {}, base.tokenizer?.config ?? {})

/** Saves an adapter under this name. All its tensors differ from their initial values, as after training. */
export async function saveRandomAdapter(
  name: string,
  config: MethodConfig,
  size: number,
  fields: ManifestFields = {},
): Promise<string> {
  const dir = freshPath(name)
  await saveAdapter(dir, randomAdapter(config, base, size), base, fields)
  return dir
}

/** Every method, with a size of noise that makes its answers differ from those of the base but not certain. */
export const configs: readonly [name: string, config: MethodConfig, size: number, fields?: ManifestFields][] = [
  ['lora-4', { method: 'lora', rank: 4 }, 0.05],
  ['lora-8', { method: 'lora', rank: 8, targets: ['q', 'k', 'v', 'o', 'wi', 'wo'], rslora: true }, 0.02],
  // Too large to share batches with others.
  ['wide', { method: 'lora', rank: 160 }, 0.005],
  ['seq-bn', { method: 'bottleneck', variant: 'seq_bn' }, 0.05],
  ['par-bn', { method: 'bottleneck', variant: 'par_bn', bottleneck: 3 }, 0.1],
  ['double-seq-bn', { method: 'bottleneck', variant: 'double_seq_bn', bottleneck: 5, cross_attention: true }, 0.1],
  ['opendelta', { method: 'bottleneck', variant: 'opendelta' }, 0.1],
  ['prompt', { method: 'soft-prompt', tokens: 5 }, 0.5],
  ['ia3', { method: 'ia3' }, 0.2],
  // These two cannot share batches either.
  ['dora', { method: 'lora', rank: 4, dora: true }, 0.02],
  ['prefix', { method: 'prefix', tokens: 5 }, 0.5],
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

export const saveConfigs = (): Promise<string[]> =>
  Promise.all(configs.map(([name, config, size, fields]) => saveRandomAdapter(name, config, size, fields)))

/** A second adapter of each configuration: rows of two adapters share batches only within a configuration. */
export const twins = configs.map(([name]) => `${name}-twin`)
export const saveTwins = (): Promise<string[]> =>
  Promise.all(configs.map(([, config, size, fields], i) => saveRandomAdapter(twins[i], config, size / 2, fields)))

/** Returns a `folderOf` that finds folders by name. */
export function foldersByName(folders: readonly string[]): EngineOptions['folderOf'] {
  const byName = new Map(folders.map((dir) => [basename(dir), dir]))
  return async (key) =>
    byName.get(key) ??
    fail('adapter_unknown', { subject: key, problem: 'is not a folder of this test', fix: 'Save it first.' })
}

/** Words that are a single token. */
const words = Array.from({ length: 4000 }, (_, id) => tokenizer.piece(id) ?? '').filter((piece) =>
  /^[a-z]{3,}$/.test(piece),
)

/** Returns a text of exactly this many tokens, `</s>` included. */
export function textOf(tokens: number, seed = 0): string {
  const draw = makeRandom(seed, `text of ${tokens}`)
  return Array.from({ length: tokens - 1 }, () => words[draw.integer(words.length)]).join(' ')
}
