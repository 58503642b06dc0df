import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadAdapter } from '../../../checkpoint/adapter.ts'
import { loadBase } from '../../../checkpoint/base.ts'
import { stepsOf } from '../../../checkpoint/onnx/steps.ts'
import { encodeSafetensors } from '../../../checkpoint/safetensors.ts'
import { MAX_COMPLETENESS_ERROR } from '../../../core/explanation-precision.ts'
import { makeRandom } from '../../../core/random.ts'
import { openPool, type Pool } from '../../../graph/runtime/pool.ts'
import { architectures, modelOf } from '../../../model/architectures.ts'
import { encodeText } from '../../../model/encode.ts'
import { FRAME } from '../../../model/locate-words.ts'
import { type MethodConfig, parametersOf, parseMethod } from '../../../model/methods/registry.ts'
import { countTrainable } from '../../../model/parameter-count.ts'
import { sizeOfShape } from '../../../model/tensor-shapes.ts'
import { explain } from '../../../serving/explain.ts'
import { openMixtures } from '../../../serving/mixtures.ts'
import type { QueueEntry } from '../../../serving/queue-entry.ts'
import { prepareBase } from '../../../serving/served-base.ts'
import { prepare, tokenizerOf } from '../../../training/data/prepare.ts'
import { trainingSteps } from '../../../training/data/steps.ts'
import { predictAll } from '../../../training/evaluate.ts'
import { computeMetrics } from '../../../training/metrics.ts'
import { openTrainer } from '../../../training/step/trainer.ts'
import { expectError, freshPath } from '../../checkpoint/helpers.ts'
import { computePoints } from '../../serving/queue-entries.ts'
import { makeReviews, runTraining, tinySpec, words, writeReviews } from '../../training/tiny.ts'
import { expectNear } from '../references.ts'
import { bert } from './architecture.ts'

const pieces = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', ...words]
const config = {
  model_type: 'bert',
  vocab_size: pieces.length,
  hidden_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  intermediate_size: 64,
  max_position_embeddings: 64,
  num_labels: 2,
  layer_norm_eps: 1e-12,
  pad_token_id: 0,
  cls_token_id: 2,
  sep_token_id: 3,
}

let pool: Pool
let data: string
let folder: string
beforeAll(() => {
  architectures[bert.name] = bert
  pool = openPool(2)
  folder = tinyBert()
  data = writeReviews(makeReviews(800))
})
afterAll(async () => {
  delete architectures[bert.name]
  await pool.close()
})

/** Writes the folder of a random BERT, with a tokenizer of whole words. */
function tinyBert(): string {
  const dir = freshPath('tiny-bert')
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config))
  const { normal } = makeRandom(0, 'tiny bert')
  const tensors = bert.describe(bert.parseConfig(config, new Map(), '')).tensors.map(({ name, shape }) => {
    const isNorm = name.endsWith('LayerNorm.weight')
    const data = Float32Array.from({ length: sizeOfShape(shape) }, () => (isNorm ? 1 : 0.3 * normal()))
    return [name, { shape, data }] as const
  })
  writeFileSync(join(dir, 'model.safetensors'), Buffer.concat(encodeSafetensors(new Map(tensors))))
  const vocab = Object.fromEntries(pieces.map((piece, id) => [piece, id]))
  const tokenizer = {
    normalizer: { type: 'Lowercase' },
    pre_tokenizer: { type: 'WhitespaceSplit' },
    model: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', vocab },
  }
  writeFileSync(join(dir, 'tokenizer.json'), JSON.stringify(tokenizer))
  return dir
}

const methods: Record<string, { method: MethodConfig; learning_rate: number }> = {
  LoRA: { method: { method: 'lora', targets: ['query', 'value'] }, learning_rate: 3e-2 },
  'a bottleneck adapter': { method: { method: 'bottleneck', variant: 'double_seq_bn' }, learning_rate: 1e-2 },
  'a soft prompt': { method: { method: 'soft-prompt', tokens: 4 }, learning_rate: 3e-2 },
  'full fine-tuning': { method: { method: 'full' }, learning_rate: 3e-3 },
}

describe.each(Object.entries(methods))('%s on a BERT with a linear head', (_, { method, learning_rate }) => {
  test('trains, classifies, and gives the same answers in a batch that a server shares between adapters', async () => {
    const spec = tinySpec({ base: folder, data, steps: 200, learning_rate, ...method })
    const prepared = await prepare(spec, 2, () => {})
    const { base, labels, test: held } = prepared
    const trainer = await openTrainer(prepared, pool)
    let index = 0
    for (const rows of trainingSteps(prepared.lengths, spec)) await trainer.step(rows, index++)

    const answers = await predictAll(await trainer.classifier(), held!, labels.labels, modelOf(base))
    // The frozen part is random, so adapters do not reach what full fine-tuning does. Guessing gives 0.5.
    expect(computeMetrics(answers, labels.labels).accuracy).toBeGreaterThan(0.8)

    const values = trainer.vectors.theta
    const adapter = { method: spec.method, values, words: labels.tokens, hold: () => () => {} }
    const { mixture, leave } = await openMixtures(prepareBase(base, 'f32'), pool).join(adapter)
    const entries = held!.ids.slice(0, 5).map((ids) => ({ ids, adapter }))
    const logits = await mixture.computeLogits(entries as unknown as QueueEntry[])
    const explanation = await explainFirst(entries[0].ids, { ...adapter, mixture }, labels.labels, logits[0])
    expect(explanation.completeness_error).toBeLessThanOrEqual(MAX_COMPLETENESS_ERROR)
    const [negative, positive] = answers[0].probabilities
    expect(explanation.target).toBe(labels.labels[positive > negative ? 1 : 0])
    leave()
    const odds = (p: readonly number[]) => Math.log(p[1] / p[0])
    for (const [i, [negative, positive]] of logits.entries())
      expectNear([positive - negative], [odds(answers[i].probabilities)], 1e-3, `row ${i}`)
  })
})

/** Explains an answer. All tokens of the text count as one word; those around it stay at every point. */
function explainFirst(ids: Int32Array, adapter: object, labels: readonly string[], logits: Float32Array) {
  const wordOf = ids.map((_, i) => (i === 0 || i === ids.length - 1 ? FRAME : 0))
  const entry = {
    ids,
    adapter: { ...adapter, description: { labels } },
    row: { text: 'a text' },
    located: { words: [{ start: 0, end: 6 }], wordOf },
  } as unknown as QueueEntry
  return explain(entry, logits, computePoints, new AbortController().signal)
}

test('every method also trains the head, which is counted once', async () => {
  const model = modelOf(await loadBase(folder))
  const lora = parseMethod({ method: 'lora', rank: 2, targets: ['query'] })
  expect(parametersOf(lora, model).map(({ name }) => name)).toContain('classifier.weight')
  expect(countTrainable(lora, model)).toMatchObject({ trainable: 2 * (2 * 64 * 2) + 2 * 64 + 2, added: 512 })
  const full = countTrainable(parseMethod({ method: 'full' }), model)
  expect(full.trainable).toBe(full.total)
})

test('a text keeps its first and last token when it is truncated', async () => {
  const base = await loadBase(folder)
  const text = Array(20).fill('lovely').join(' ')
  const { ids, tokens } = encodeText(tokenizerOf(base), text, { maxTokens: 8, side: 'left' }, modelOf(base).frame)
  expect([ids[0], ids.at(-1), ids.length, tokens]).toEqual([2, 3, 8, 22])
})

test('full fine-tuning saves a folder that loads again', async () => {
  const spec = tinySpec({ base: folder, data, method: 'full', steps: 60, learning_rate: 3e-3 })
  const { result } = await runTraining(spec)
  expect(result?.accuracy).toBeGreaterThan(0.9)
  expect(await loadAdapter(spec.out, await loadBase(folder))).toMatchObject({ layout: 'full' })
})

test('a folder of an unsupported architecture is rejected by name', async () => {
  const dir = freshPath('tiny-gpt')
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'config.json'), JSON.stringify({ ...config, model_type: 'gpt2' }))
  writeFileSync(join(dir, 'model.safetensors'), Buffer.concat(encodeSafetensors(new Map())))
  await expectError(loadBase(dir), 'base_incomplete', 'gpt2')
})

test('a model without a decoder is not exported as ONNX, with the reason', async () => {
  const base = await loadBase(folder)
  await expectError((async () => stepsOf(base))(), 'checkpoint_config', 'an encoder with a decoder', 'bert')
})
