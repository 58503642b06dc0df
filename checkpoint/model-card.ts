import type { Model } from '../model/architecture.ts'
import type { MethodConfig } from '../model/methods/registry.ts'
import type { Base } from './base.ts'
import type { ManifestFields } from './manifest.ts'

/** The file with the model card, as the Hugging Face hub calls the README of a repository. */
export const CARD_FILE = 'README.md'

/** Returns the line of Python that loads a T5 as `model`. */
export const loadT5 = (folder: string): string =>
  `from transformers import T5ForConditionalGeneration as T5; model = T5.from_pretrained("${folder}")`

/** The most points of the curve that a card lists. */
const MAX_POINTS = 10

/** The library of a layout, for the card. */
export interface CardLibrary {
  /** Its name on the hub. */
  readonly name: string
  /**
   * Returns the lines of Python that load {@link FOLDER} on a base as `model`.
   * @param base the base's name on the hub, or {@link BASE} for any other base
   * @param isOnHub true if the configuration in the folder names the base so that the library finds it
   */
  load(base: string, isOnHub: boolean): readonly string[]
}

/** Stands for the path of the adapter's folder in examples. */
export const FOLDER = 'PATH_OF_THIS_FOLDER'
/** Stands for the path of a base in examples. */
const BASE = 'PATH_OF_THE_BASE'

/**
 * Returns the README of an adapter's folder: what it is, how accurate it is, how it learned, and how Python and
 * JavaScript turn a review into a label with it. The same adapter gives the same bytes.
 */
export function formatModelCard(
  { method, ...settings }: MethodConfig,
  base: Base,
  model: Model,
  fields: ManifestFields,
  library: CardLibrary,
): string {
  const parts = [
    formatMetadata(base, fields, library.name),
    `# A text classifier: ${method} on ${base.name}`,
    `Graft trained it. Its settings are ${list(settings)}. It works only on the base \`${base.name}\` with the fingerprint \`${base.fingerprint.slice(0, 12)}\`.`,
    ...formatAccuracy(fields),
    ...formatCurve(fields),
    ...formatUse(base, model, fields, library),
  ]
  return `${parts.join('\n\n')}\n`
}

const list = (settings: object): string =>
  Object.entries(settings)
    .map(([key, value]) => `${key} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(', ') || 'those of its base'

function formatMetadata({ hub }: Base, { metrics }: ManifestFields, library: string): string {
  const accuracy = metrics?.accuracy
  return [
    '---',
    `library_name: ${library}`,
    ...(hub ? [`base_model: ${hub.repo}`] : []),
    'pipeline_tag: text-classification',
    'tags:',
    '  - text-classification',
    '  - graft',
    ...(typeof accuracy === 'number' ? ['metrics:', '  - accuracy'] : []),
    '---',
  ].join('\n')
}

function formatAccuracy({ metrics }: ManifestFields): string[] {
  const { accuracy, interval, n } = (metrics ?? {}) as { accuracy?: number; interval?: number[]; n?: number }
  if (accuracy === undefined || !interval) return []
  const [from, to] = interval.map(percent)
  return [
    '## Accuracy',
    `${percent(accuracy)} of ${n} test texts get the right label (95 % interval ${from} to ${to}).`,
  ]
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`

function formatCurve({ training }: ManifestFields): string[] {
  const curve = (training?.curve ?? []) as { step: number; loss: number; accuracy?: number }[]
  const interval = Math.ceil(curve.length / MAX_POINTS)
  const points = curve.filter((_, i) => (curve.length - 1 - i) % interval === 0)
  if (points.length === 0) return []
  const rows = points.map(
    ({ step, loss, accuracy }) =>
      `| ${step} | ${loss.toFixed(4)} | ${accuracy === undefined ? '' : percent(accuracy)} |`,
  )
  return ['## Training', ['| step | loss | accuracy |', '|---|---|---|', ...rows].join('\n')]
}

function formatUse({ hub }: Base, { encoderDecoder }: Model, fields: ManifestFields, library: CardLibrary): string[] {
  const { label_words, labels = Object.keys(label_words ?? {}), temperature = 1, truncation } = fields
  if (!encoderDecoder || !label_words || labels.length === 0) return []
  const name = hub?.repo ?? BASE
  const limit = truncation && truncation.side !== 'middle' ? truncation : undefined
  const side = limit?.side === 'left' ? ', truncation_side="left"' : ''
  const encode = limit ? `review, truncation=True, max_length=${limit.max_tokens}` : 'review'
  const tuple = (texts: readonly string[]) => `[${texts.map((text) => JSON.stringify(text)).join(', ')}]`
  const python = [
    'import torch',
    'from transformers import AutoTokenizer',
    ...library.load(name, hub !== undefined),
    `tokenizer = AutoTokenizer.from_pretrained("${name}"${side})`,
    `words = [tokenizer.encode(word, add_special_tokens=False)[0] for word in ${tuple(labels.map((label) => label_words[label]))}]`,
    `start = torch.tensor([[${encoderDecoder.startTokenId}]])`,
    `logits = model(**tokenizer(${encode}, return_tensors="pt"), decoder_input_ids=start).logits[0, 0, words]`,
    `print(dict(zip(${tuple(labels)}, (logits / ${temperature}).softmax(0).tolist())))`,
  ]
  const javascript = [
    "import { loadClassifier } from '@graft-ml/graft'",
    `const classifier = await loadClassifier({ adapter: '${FOLDER}' })`,
    'const [{ label, score }] = await classifier.classify([review])',
  ]
  return [
    '## Use',
    'In Python, where `review` is a text without HTML:',
    code('python', python),
    'In JavaScript:',
    code('js', javascript),
  ]
}

const code = (language: string, lines: readonly string[]): string => [`\`\`\`${language}`, ...lines, '```'].join('\n')
