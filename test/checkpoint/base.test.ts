import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadBase, requireTokenizer } from '../../checkpoint/base.ts'
import { readTensorFile } from '../../checkpoint/read-tensors.ts'
import { encodeSafetensors } from '../../checkpoint/safetensors.ts'
import { modelOf } from '../../model/architectures.ts'
import { copyFolder, editJson, editTensors, expectError, freshPath, parityPath, tinyFlan, tinyT5 } from './helpers.ts'

const embedded = join(import.meta.dirname, '../../base')
const WEIGHTS = 'model.safetensors'
const QUERY = 'encoder.block.0.layer.0.SelfAttention.q.weight'

/** Splits a model into two files, as large models are. */
async function writeShards(from: string): Promise<string> {
  const dir = copyFolder(from)
  const { tensors } = await readTensorFile(join(dir, WEIGHTS))
  const names = [...tensors.keys()]
  const files = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
  const map = Object.fromEntries(names.map((name, i) => [name, files[i % 2]]))
  for (const file of files) {
    const part = new Map([...tensors].filter(([name]) => map[name] === file))
    writeFileSync(join(dir, file), Buffer.concat(encodeSafetensors(part, { metadata: { format: 'pt' } })))
  }
  writeFileSync(join(dir, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: map }))
  rmSync(join(dir, WEIGHTS))
  return dir
}

test('a base is read into one shared buffer, which worker threads need not copy', async () => {
  const { tensors, config, name, fingerprint } = await tinyT5()
  expect(name).toBe('tiny-t5')
  expect(fingerprint).toMatch(/^[0-9a-f]{64}$/)
  expect(config).toMatchObject({ dModel: 32, lmHead: false, scaleDecoderOutputs: true })
  expect([...tensors.values()].every(({ buffer }) => buffer instanceof SharedArrayBuffer)).toBe(true)
  expect(new Set([...tensors.values()].map(({ buffer }) => buffer)).size).toBe(1)
})

test('a separate head is detected in the file, whatever the configuration says about tying', async () => {
  expect((await tinyFlan()).config).toMatchObject({ lmHead: true, scaleDecoderOutputs: false, gated: true })
  const dir = copyFolder(parityPath('tiny-flan'))
  writeFileSync(join(dir, 'config.json'), readFileSync(join(dir, 'config.transformers5.json')))
  expect(await loadBase(dir)).toMatchObject({
    config: (await tinyFlan()).config,
    fingerprint: (await tinyFlan()).fingerprint,
  })
})

test('a base that is split into several files is the same base', async () => {
  const base = await loadBase(await writeShards(parityPath('tiny-t5')))
  expect(base.fingerprint).toBe((await tinyT5()).fingerprint)
  expect(new Set([...base.tensors.values()].map(({ buffer }) => buffer)).size).toBe(1)
})

test('copies of the embedding and the unused bias have no effect', async () => {
  const dir = copyFolder(parityPath('tiny-t5'))
  await editTensors(join(dir, WEIGHTS), (tensors) => {
    const shared = tensors.get('shared.weight')!
    for (const name of ['encoder.embed_tokens.weight', 'decoder.embed_tokens.weight', 'lm_head.weight'])
      tensors.set(name, shared)
    const bias = tensors.get('decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight')!
    tensors.set('decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight', bias)
  })
  const base = await loadBase(dir)
  expect(base).toMatchObject({ config: (await tinyT5()).config, fingerprint: (await tinyT5()).fingerprint })
})

test('a second embedding that differs from the first is rejected', async () => {
  const dir = copyFolder(parityPath('tiny-t5'))
  await editTensors(join(dir, WEIGHTS), (tensors) => {
    const { shape, data } = tensors.get('shared.weight')!
    tensors.set('decoder.embed_tokens.weight', { shape, data: data.map((x) => x + 1) })
  })
  await expectError(loadBase(dir), 'checkpoint_tensors', 'decoder.embed_tokens.weight')
})

test('the fingerprint changes with a single bit of a weight', async () => {
  const dir = copyFolder(parityPath('tiny-t5'))
  await editTensors(join(dir, WEIGHTS), (tensors) => {
    const { data } = tensors.get(QUERY)!
    data[7] = Math.fround(data[7] * (1 + 2 ** -23))
  })
  expect((await loadBase(dir)).fingerprint).not.toBe((await tinyT5()).fingerprint)
})

test('an error names a tensor that is missing, unexpected, renamed or of another shape', async () => {
  const damage = async (change: Parameters<typeof editTensors>[1]) => {
    const dir = copyFolder(parityPath('tiny-t5'))
    await editTensors(join(dir, WEIGHTS), change)
    return dir
  }
  await expectError(
    loadBase(await damage((t) => t.delete(QUERY))),
    'checkpoint_tensors',
    `is missing ${QUERY} [32, 32]`,
  )
  const extra = await damage((t) => t.set('encoder.extra', { shape: [1], data: new Float32Array(1) }))
  await expectError(loadBase(extra), 'checkpoint_tensors', 'encoder.extra [1]')
  const renamed = await damage((t) => {
    t.set('encoder.q', t.get(QUERY)!)
    t.delete(QUERY)
  })
  await expectError(loadBase(renamed), 'checkpoint_tensors', QUERY, 'instead it contains encoder.q [32, 32]')
  const misshapen = await damage((t) => t.set(QUERY, { ...t.get(QUERY)!, shape: [16, 64] }))
  await expectError(loadBase(misshapen), 'checkpoint_tensors', QUERY, 'shape [32, 32]', 'shape [16, 64]')
})

test('an error says which file is missing and how to fix it', async () => {
  await expectError(loadBase(freshPath()), 'file_missing', 'does not exist')
  const noConfig = copyFolder(parityPath('tiny-t5'))
  rmSync(join(noConfig, 'config.json'))
  await expectError(loadBase(noConfig), 'base_incomplete', 'config.json')
  const pickled = copyFolder(parityPath('tiny-t5'))
  rmSync(join(pickled, WEIGHTS))
  await expectError(loadBase(pickled), 'base_incomplete', `does not contain ${WEIGHTS}`)
  writeFileSync(join(pickled, 'pytorch_model.bin'), '')
  await expectError(loadBase(pickled), 'checkpoint_corrupt', 'pytorch_model.bin is not an archive')
  await expectError(loadBase(parityPath('peft/lora_r8_a16_qv/checkpoint')), 'base_incomplete', 'an adapter')
  const { tokenizer: _, ...without } = await tinyT5()
  expect(() => requireTokenizer(without)).toThrow('tokenizer.json')
})

test('an index that points outside the folder or to the wrong file is rejected', async () => {
  const index = 'model.safetensors.index.json'
  const outside = await writeShards(parityPath('tiny-t5'))
  editJson(join(outside, index), (json) => {
    json.weight_map = { ...(json.weight_map as object), [QUERY]: '../model.safetensors' }
  })
  await expectError(loadBase(outside), 'checkpoint_corrupt', 'weight_map')
  const wrong = await writeShards(parityPath('tiny-t5'))
  editJson(join(wrong, index), (json) => {
    const map = json.weight_map as Record<string, string>
    map[QUERY] = map[QUERY].includes('00001-')
      ? map[QUERY].replace('00001-', '00002-')
      : map[QUERY].replace('00002-', '00001-')
  })
  await expectError(loadBase(wrong), 'checkpoint_tensors', QUERY)
})

test('the embedded base has a tokenizer and label words, and is smaller than 12 MB', async () => {
  const base = await loadBase(embedded)
  expect(base.labelWords).toEqual({ negative: 'worst', positive: 'excellent' })
  const { json } = requireTokenizer(base)
  const { vocab } = json.model as { vocab: Record<string, number> }
  expect(vocab).toMatchObject({ worst: expect.any(Number), excellent: expect.any(Number) })
  expect(Object.keys(vocab)).toHaveLength(modelOf(base).vocabSize)
  expect(readFileSync(join(embedded, WEIGHTS)).length).toBeLessThan(12_000_000)
})
