import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadBase, requireTokenizer } from '../../checkpoint/base.ts'
import { encodeSafetensors, readSafetensors } from '../../checkpoint/safetensors.ts'
import { copied, editJson, editTensors, expectError, freshPath, parity, tinyFlan, tinyT5 } from './helpers.ts'

const embedded = join(import.meta.dirname, '../../base')
const weights = 'model.safetensors'
const query = 'encoder.block.0.layer.0.SelfAttention.q.weight'

/** Spreads a model over two files, as large ones are. */
async function sharded(from: string): Promise<string> {
  const dir = copied(from)
  const { tensors } = await readSafetensors(join(dir, weights))
  const names = [...tensors.keys()]
  const files = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
  const map = Object.fromEntries(names.map((name, i) => [name, files[i % 2]]))
  for (const file of files) {
    const part = new Map([...tensors].filter(([name]) => map[name] === file))
    writeFileSync(join(dir, file), Buffer.concat(encodeSafetensors(part, { metadata: { format: 'pt' } })))
  }
  writeFileSync(join(dir, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: map }))
  rmSync(join(dir, weights))
  return dir
}

test('a base is read into one shared buffer, which worker threads need not copy', async () => {
  const { tensors, t5, name, fingerprint } = await tinyT5()
  expect(name).toBe('tiny-t5')
  expect(fingerprint).toMatch(/^[0-9a-f]{64}$/)
  expect(t5).toMatchObject({ dModel: 32, lmHead: false, scaleDecoderOutputs: true })
  expect([...tensors.values()].every(({ buffer }) => buffer instanceof SharedArrayBuffer)).toBe(true)
  expect(new Set([...tensors.values()].map(({ buffer }) => buffer)).size).toBe(1)
})

test('a separate head is found in the file, whatever the configuration says of tying', async () => {
  expect((await tinyFlan()).t5).toMatchObject({ lmHead: true, scaleDecoderOutputs: false, gated: true })
  const dir = copied(parity('tiny-flan'))
  writeFileSync(join(dir, 'config.json'), readFileSync(join(dir, 'config.transformers5.json')))
  expect(await loadBase(dir)).toMatchObject({ t5: (await tinyFlan()).t5, fingerprint: (await tinyFlan()).fingerprint })
})

test('a base in several files is the same base', async () => {
  const base = await loadBase(await sharded(parity('tiny-t5')))
  expect(base.fingerprint).toBe((await tinyT5()).fingerprint)
  expect(new Set([...base.tensors.values()].map(({ buffer }) => buffer)).size).toBe(1)
})

test('copies of the embedding and the bias that was never used change nothing', async () => {
  const dir = copied(parity('tiny-t5'))
  await editTensors(join(dir, weights), (tensors) => {
    const shared = tensors.get('shared.weight')!
    for (const name of ['encoder.embed_tokens.weight', 'decoder.embed_tokens.weight', 'lm_head.weight'])
      tensors.set(name, shared)
    const bias = tensors.get('decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight')!
    tensors.set('decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight', bias)
  })
  const base = await loadBase(dir)
  expect(base).toMatchObject({ t5: (await tinyT5()).t5, fingerprint: (await tinyT5()).fingerprint })
})

test('a second embedding that differs from the first is refused', async () => {
  const dir = copied(parity('tiny-t5'))
  await editTensors(join(dir, weights), (tensors) => {
    const { shape, data } = tensors.get('shared.weight')!
    tensors.set('decoder.embed_tokens.weight', { shape, data: data.map((x) => x + 1) })
  })
  await expectError(loadBase(dir), 'checkpoint_tensors', 'decoder.embed_tokens.weight')
})

test('the fingerprint changes with one bit of one weight', async () => {
  const dir = copied(parity('tiny-t5'))
  await editTensors(join(dir, weights), (tensors) => {
    const { data } = tensors.get(query)!
    data[7] = Math.fround(data[7] * (1 + 2 ** -23))
  })
  expect((await loadBase(dir)).fingerprint).not.toBe((await tinyT5()).fingerprint)
})

test('a tensor that is missing, unexpected, renamed or of another shape is named', async () => {
  const damage = async (change: Parameters<typeof editTensors>[1]) => {
    const dir = copied(parity('tiny-t5'))
    await editTensors(join(dir, weights), change)
    return dir
  }
  await expectError(
    loadBase(await damage((t) => t.delete(query))),
    'checkpoint_tensors',
    query,
    '[32, 32]',
    'no such tensor',
  )
  const extra = await damage((t) => t.set('encoder.extra', { shape: [1], data: new Float32Array(1) }))
  await expectError(loadBase(extra), 'checkpoint_tensors', 'encoder.extra [1]')
  const renamed = await damage((t) => {
    t.set('encoder.q', t.get(query)!)
    t.delete(query)
  })
  await expectError(loadBase(renamed), 'checkpoint_tensors', query, 'in place of them encoder.q [32, 32]')
  const misshapen = await damage((t) => t.set(query, { ...t.get(query)!, shape: [16, 64] }))
  await expectError(loadBase(misshapen), 'checkpoint_tensors', query, 'shape [32, 32]', 'shape [16, 64]')
})

test('what a folder lacks is said, with how to fix it', async () => {
  await expectError(loadBase(freshPath()), 'file_missing', 'a folder')
  const noConfig = copied(parity('tiny-t5'))
  rmSync(join(noConfig, 'config.json'))
  await expectError(loadBase(noConfig), 'base_incomplete', 'config.json')
  const pickled = copied(parity('tiny-t5'))
  rmSync(join(pickled, weights))
  await expectError(loadBase(pickled), 'base_incomplete', weights, 'no such file')
  writeFileSync(join(pickled, 'pytorch_model.bin'), '')
  await expectError(loadBase(pickled), 'base_incomplete', 'pytorch_model.bin alone', 'safe_serialization')
  await expectError(loadBase(parity('peft/lora_r8_a16_qv/checkpoint')), 'base_incomplete', 'an adapter')
  const { tokenizer: _, ...without } = await tinyT5()
  expect(() => requireTokenizer(without)).toThrow('tokenizer.json')
})

test('an index that leads out of the folder, or to the wrong file, is refused', async () => {
  const index = 'model.safetensors.index.json'
  const outside = await sharded(parity('tiny-t5'))
  editJson(join(outside, index), (json) => {
    json.weight_map = { ...(json.weight_map as object), [query]: '../model.safetensors' }
  })
  await expectError(loadBase(outside), 'checkpoint_corrupt', 'weight_map')
  const wrong = await sharded(parity('tiny-t5'))
  editJson(join(wrong, index), (json) => {
    const map = json.weight_map as Record<string, string>
    map[query] = map[query].includes('00001-')
      ? map[query].replace('00001-', '00002-')
      : map[query].replace('00002-', '00001-')
  })
  await expectError(loadBase(wrong), 'checkpoint_tensors', query)
})

test('the embedded base brings its tokenizer and label words, and weighs 12 MB at most', async () => {
  const base = await loadBase(embedded)
  expect(base.labelWords).toEqual({ negative: 'worst', positive: 'excellent' })
  const { json } = requireTokenizer(base)
  const { vocab } = json.model as { vocab: Record<string, number> }
  expect(vocab).toMatchObject({ worst: expect.any(Number), excellent: expect.any(Number) })
  expect(Object.keys(vocab)).toHaveLength(base.t5.vocabSize)
  expect(readFileSync(join(embedded, weights)).length).toBeLessThan(12_000_000)
})
