import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadAdapter } from '../../checkpoint/adapter.ts'
import type { Base } from '../../checkpoint/base.ts'
import { inspectFolder } from '../../checkpoint/inspect.ts'
import { findCheckpointFiles, isCheckpointFile } from '../../checkpoint/layouts.ts'
import { encodeSafetensors } from '../../checkpoint/safetensors.ts'
import { encodeTorch } from '../../checkpoint/torch/encode.ts'
import { copyFolder, editJson, expectError, parityPath, tinyFlan, tinyT5 } from './helpers.ts'

const FLEX = 'adapterhub/flex_head_seq_bn_b8/bin'
const PLAIN = 'adapterhub/seq_bn_b8/safetensors'

const withHead = (change: (config: Record<string, unknown>) => void): string => {
  const dir = copyFolder(parityPath(FLEX))
  editJson(join(dir, 'head_config.json'), (json) => change(json.config as Record<string, unknown>))
  return dir
}

/** The file of `save_adapter` of T5ForConditionalGeneration: it has the class of the model instead of a type. */
const STATIC = { config: null, model_class: 'T5ForConditionalGeneration', name: null, num_labels: 2 }

async function withStaticHead(base: Base, head: Float32Array, file: string, config: object | null = STATIC) {
  const dir = copyFolder(parityPath(base === (await tinyFlan()) ? PLAIN.replace('/seq', '/flan_seq') : PLAIN))
  const tensors = new Map([['lm_head.weight', { shape: [384, 32], data: head }]])
  writeFileSync(
    join(dir, file),
    Buffer.concat(file.endsWith('.bin') ? await encodeTorch(tensors) : encodeSafetensors(tensors)),
  )
  if (config) writeFileSync(join(dir, 'head_config.json'), JSON.stringify(config))
  return dir
}

test('an adapter loads beside a head that is the one of the base, from each class and in each format', async () => {
  const [t5, flan] = [await tinyT5(), await tinyFlan()]
  const [shared, lmHead] = [t5.tensors.get('shared.weight'), flan.tensors.get('lm_head.weight')] as Float32Array[]
  const plain = await loadAdapter(parityPath(PLAIN), t5)
  expect((await loadAdapter(parityPath(FLEX), t5)).values).toEqual(plain.values)
  for (const file of ['pytorch_model_head.bin', 'model_head.safetensors']) {
    expect((await loadAdapter(await withStaticHead(t5, shared, file), t5)).key).toBe(plain.key)
    await loadAdapter(await withStaticHead(flan, lmHead, file), flan)
  }
  // The library loads weights without a configuration, too.
  await loadAdapter(await withStaticHead(t5, shared, 'pytorch_model_head.bin', null), t5)
})

test('a head that differs from the one of the base is refused, with the difference', async () => {
  const [t5, flan] = [await tinyT5(), await tinyFlan()]
  const changed = Float32Array.from(t5.tensors.get('shared.weight') as Float32Array)
  changed[100] += 0.5
  for (const [config, file] of [
    [STATIC, 'pytorch_model_head.bin'],
    [STATIC, 'model_head.safetensors'],
    [null, 'pytorch_model_head.bin'],
  ] as const)
    await expectError(
      loadAdapter(await withStaticHead(t5, changed, file, config), t5),
      'checkpoint_config',
      `${file}, lm_head.weight`,
      'shared.weight of the base',
      'differ by up to 0.500',
      'with_head=False',
    )
  // The head of an untied base is not its embedding.
  const shared = flan.tensors.get('shared.weight') as Float32Array
  const untied = await withStaticHead(flan, shared, 'model_head.safetensors')
  await expectError(loadAdapter(untied, flan), 'checkpoint_config', 'lm_head.weight of the base')
  changed[5] = Number.NaN
  const damaged = await withStaticHead(t5, changed, 'model_head.safetensors')
  await expectError(loadAdapter(damaged, t5), 'checkpoint_config', 'differ by up to NaN')
})

test.each<[string, object, ...string[]]>([
  ['a classification', { head_type: 'classification', num_labels: 2, layers: 2 }, '"classification"', 'seq2seq_lm'],
  ['a multilabel', { head_type: 'multilabel_classification' }, '"multilabel_classification"', 'add_seq2seq_lm_head'],
  ['a question answering', { head_type: 'question_answering' }, '"question_answering"'],
  ['a custom', { head_type: 'my_head' }, '"my_head"'],
  ['a deep', { layers: 2 }, 'layers', 'several layers'],
  ['a biased', { bias: true }, 'bias'],
  ['a wide', { vocab_size: 385 }, 'vocab_size', '384'],
])('%s head is refused by name', async (_, change, ...words) => {
  const dir = withHead((config) => Object.assign(config, change))
  await expectError(loadAdapter(dir, await tinyT5()), 'checkpoint_config', 'head_config.json', ...words)
})

test('a head of a class of transformers is refused by its type', async () => {
  const dir = copyFolder(parityPath(FLEX))
  const head = { ...STATIC, model_class: 'T5ForSequenceClassification' }
  writeFileSync(join(dir, 'head_config.json'), JSON.stringify(head))
  await expectError(loadAdapter(dir, await tinyT5()), 'checkpoint_config', '"classification"')
})

test('a head without its weights, or with other tensors, is refused', async () => {
  const base = await tinyT5()
  const missing = copyFolder(parityPath(FLEX))
  rmSync(join(missing, 'pytorch_model_head.bin'))
  await expectError(loadAdapter(missing, base), 'file_missing', 'pytorch_model_head.bin', 'head_config.json')
  const other = copyFolder(parityPath(FLEX))
  cpSync(join(other, 'pytorch_adapter.bin'), join(other, 'pytorch_model_head.bin'))
  await expectError(loadAdapter(other, base), 'checkpoint_tensors', 'pytorch_model_head.bin', 'lm_head.weight')
})

test('inspection says which head there is, and why it cannot be used', async () => {
  const base = await tinyT5()
  expect(await inspectFolder(parityPath(FLEX), base)).toMatchObject({ head: 'seq2seq_lm', loads: true, problems: [] })
  expect(await inspectFolder(parityPath(PLAIN), base)).not.toHaveProperty('head')
  const dir = withHead((config) => Object.assign(config, { head_type: 'classification' }))
  expect(await inspectFolder(dir, base)).toMatchObject({
    head: 'classification',
    loads: false,
    problems: [{ code: 'checkpoint_config' }],
  })
})

test('an upload keeps the files of the head, so that the server can check them', async () => {
  const heads = ['head_config.json', 'pytorch_model_head.bin']
  expect(await findCheckpointFiles(parityPath(FLEX))).toEqual(expect.arrayContaining(heads))
  expect(heads.every(isCheckpointFile)).toBe(true)
})
