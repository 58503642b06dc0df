import { join } from 'node:path'
import { z } from 'zod'
import { fail } from '../core/errors.ts'
import { modelOf } from '../model/architectures.ts'
import { readAdapterWeights } from './adapter-weights.ts'
import type { Base } from './base.ts'
import { checkKeys, readKeys, throwUnsupported } from './config-rules.ts'
import { fileIn, isObject, type JsonObject, listFolder, parseObject, readText } from './files.ts'
import type { HeadFiles } from './layout.ts'
import { ADAPTER_LIMITS } from './limits.ts'
import { checkTensors } from './tensor-check.ts'

const CONFIG_FILE = 'head_config.json'
/** The head as `save_adapter` writes it, without and with `use_safetensors`. */
const WEIGHTS_FILES = ['pytorch_model_head.bin', 'model_head.safetensors']

/** The head that gives the logits of the vocabulary, as the head of every T5 base does. */
const LANGUAGE_MODEL = 'seq2seq_lm'

/** The types of the heads that transformers' own classes have, for which the file names only the class. */
const typesOfClasses: Readonly<Record<string, string>> = {
  T5ForConditionalGeneration: LANGUAGE_MODEL,
  T5ForSequenceClassification: 'classification',
  T5ForTokenClassification: 'tagging',
  T5ForQuestionAnswering: 'question_answering',
}

const rules = {
  activation_function: 'ignored',
  bias: { only: [false], feature: 'a head with a bias' },
  dropout_prob: 'ignored',
  head_type: 'read',
  id2label: 'ignored',
  label2id: 'ignored',
  layer_norm: 'ignored',
  layers: { only: [1], feature: 'a head of several layers' },
  shift_labels: 'ignored',
  vocab_size: 'read',
} as const

const keys = z.object({ vocab_size: z.int().positive().optional() })

const FIX_TYPE =
  'Train the adapter with T5ForConditionalGeneration, or with a head of add_seq2seq_lm_head, so that a word stands for each label.'

/**
 * The head beside an adapter. `save_adapter` writes it unless `with_head=False`: `heads.NAME.0.weight` from
 * `T5AdapterModel`, `lm_head.weight` from `T5ForConditionalGeneration`. Graft computes logits with the base's own head,
 * so it loads the adapter if the stored head is the same one.
 */
export const adapterHubHead: HeadFiles = {
  files: [CONFIG_FILE, ...WEIGHTS_FILES],

  async readType(dir) {
    const config = await readConfig(dir)
    if (config) return typeOf(config)
    return (await findWeights(dir)).length > 0 ? LANGUAGE_MODEL : undefined
  },

  async requireSame(dir, base) {
    const [config, weights] = [await readConfig(dir), await findWeights(dir)]
    if (config) checkConfig(config, base, fileIn(dir, CONFIG_FILE))
    if (config && weights.length === 0)
      fail('file_missing', {
        subject: fileIn(dir, WEIGHTS_FILES[0]),
        problem: `does not exist, although ${CONFIG_FILE} describes a head`,
        fix: `Copy it from where the adapter was saved, or save the adapter with with_head=False.`,
      })
    for (const file of weights) await requireSameWeights(dir, file, base)
  },
}

async function readConfig(dir: string): Promise<JsonObject | undefined> {
  const text = await readText(dir, CONFIG_FILE, ADAPTER_LIMITS)
  return text === undefined ? undefined : parseObject(text, fileIn(dir, CONFIG_FILE))
}

async function findWeights(dir: string): Promise<string[]> {
  const present = await listFolder(dir)
  return WEIGHTS_FILES.filter((name) => present.has(name))
}

/** Returns the type of a head, or the class of the model if its type is not known. */
function typeOf({ config, model_class: modelClass }: JsonObject): string {
  const type = isObject(config) ? config.head_type : typesOfClasses[String(modelClass)]
  return String(type ?? modelClass ?? 'unknown')
}

/** @throws GraftError `checkpoint_config` unless it is a language model's head of one matrix */
function checkConfig(file: JsonObject, base: Base, subject: string): void {
  const type = typeOf(file)
  if (type !== LANGUAGE_MODEL)
    throwUnsupported(
      `${subject}, head_type`,
      `"${LANGUAGE_MODEL}", because Graft classifies by words at the decoder's first step, with the head of the base`,
      type,
      FIX_TYPE,
    )
  if (!isObject(file.config)) return
  const within = `${subject}, config`
  checkKeys(file.config, rules, within)
  const { vocabSize } = modelOf(base)
  const { vocab_size: found = vocabSize } = readKeys(file.config, keys, within)
  if (found !== vocabSize) throwUnsupported(`${within}, vocab_size`, `${vocabSize}, that of the base`, found, FIX_SAME)
}

const FIX_SAME =
  "Use the base on which the adapter was trained. To compute logits with the base's own head instead, save the adapter with with_head=False."

/**
 * @throws GraftError `checkpoint_tensors` if the file does not have exactly the matrix of a head, `checkpoint_config`
 * if its numbers are not those of the base
 */
async function requireSameWeights(dir: string, file: string, base: Base): Promise<void> {
  const subject = fileIn(dir, file)
  const { outputEmbedding, tensors: shapes } = modelOf(base)
  const { shape } = shapes.find(({ name }) => name === outputEmbedding) ?? throwNoHead(subject)
  const { tensors } = await readAdapterWeights(join(dir, file), (found) =>
    checkTensors([{ name: [...found.keys()].find(isHead) ?? 'lm_head.weight', shape }], found, subject),
  )
  const own = base.tensors.get(String(outputEmbedding)) as Float32Array
  for (const [name, { data }] of tensors) {
    const difference = largestDifference(own, data)
    if (difference === 0) continue
    throwUnsupported(
      `${subject}, ${name}`,
      `the numbers of ${outputEmbedding} of the base, because Graft computes logits with the head of the base`,
      `numbers that differ by up to ${difference.toPrecision(3)}`,
      FIX_SAME,
    )
  }
}

const isHead = (name: string): boolean => name === 'lm_head.weight' || /^heads\.[^.]+\.0\.weight$/.test(name)

/** Returns NaN if a number is not finite. A plain loop, because the head of a T5-small has 16 million numbers. */
function largestDifference(a: Float32Array, b: Float32Array): number {
  let largest = 0
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i])
    if (!(difference <= largest)) largest = difference
    if (Number.isNaN(largest)) return largest
  }
  return largest
}

const throwNoHead = (subject: string): never =>
  throwUnsupported(subject, 'no head, because the base has none', 'a head', 'Use the base on which it was trained.')
