import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { loadAdapter, saveAdapter } from '../../checkpoint/adapter.ts'
import { loadBase } from '../../checkpoint/base.ts'
import type { StoredTensor } from '../../checkpoint/safetensors.ts'
import { copied, editJson, editTensors, expectError, freshPath, parity, tinyFlan, tinyT5, tuned } from './helpers.ts'

const PEFT = 'peft/lora_r8_a16_qv/checkpoint'
const WEIGHTS = 'adapter_model.safetensors'
const A = 'base_model.model.encoder.block.0.layer.0.SelfAttention.q.lora_A.weight'

async function damaged(change: (tensors: Map<string, StoredTensor>) => void, from = PEFT): Promise<string> {
  const dir = copied(parity(from))
  await editTensors(join(dir, WEIGHTS), change)
  return dir
}

/** An adapter with its manifest, as training leaves it. */
async function saved(config = { method: 'lora' }): Promise<string> {
  const dir = freshPath('adapter')
  await saveAdapter(dir, tuned(config, await tinyT5()), await tinyT5())
  return dir
}

test('a tensor that is missing, unexpected, renamed or of another shape is named', async () => {
  const base = await tinyT5()
  const missing = await damaged((t) => t.delete(A))
  await expectError(loadAdapter(missing, base), 'checkpoint_tensors', WEIGHTS, `${A} [8, 32]`, 'no such tensor')
  const extra = await damaged((t) =>
    t.set('base_model.model.lm_head.weight', { shape: [1], data: new Float32Array(1) }),
  )
  await expectError(loadAdapter(extra, base), 'checkpoint_tensors', 'base_model.model.lm_head.weight')
  const renamed = await damaged((t) => {
    t.set(A.replace('.q.', '.query.'), t.get(A)!)
    t.delete(A)
  })
  await expectError(
    loadAdapter(renamed, base),
    'checkpoint_tensors',
    A,
    'in place of them',
    'SelfAttention.query.lora_A.weight',
  )
  const misshapen = await damaged((t) => t.set(A, { ...t.get(A)!, shape: [32, 8] }))
  await expectError(loadAdapter(misshapen, base), 'checkpoint_tensors', A, '[8, 32]', '[32, 8]')
  const fewer = await damaged(
    (t) => t.set('prompt_embeddings', { shape: [10, 32], data: new Float32Array(320) }),
    'peft/prompt_10/checkpoint',
  )
  await expectError(loadAdapter(fewer, base), 'checkpoint_tensors', 'prompt_embeddings', '[20, 32]', '[10, 32]')
})

test('a number that is not finite is refused, in a file as damage and in a training as divergence', async () => {
  const base = await tinyT5()
  const dir = await damaged((t) => {
    t.get(A)!.data[5] = Number.NaN
  })
  await expectError(loadAdapter(dir, base), 'checkpoint_corrupt', A, 'NaN')
  const { method, values } = tuned({ method: 'lora' }, base)
  const [name, data] = [...values][0]
  data[0] = Number.POSITIVE_INFINITY
  await expectError(saveAdapter(freshPath(), { method, values }, base), 'training_diverged', name, 'Infinity')
})

test('values that do not fit the method are never written', async () => {
  const base = await tinyT5()
  const { method, values } = tuned({ method: 'lora' }, base)
  const out = freshPath()
  await expectError(saveAdapter(out, { method: { ...method, rank: 4 }, values }, base), 'checkpoint_tensors', 'lora_A')
  await expectError(loadAdapter(out, base), 'file_missing', out)
})

test('an adapter on another base is refused with both fingerprints', async () => {
  const [t5, flan] = [await tinyT5(), await tinyFlan()]
  await expectError(
    loadAdapter(await saved(), flan),
    'base_mismatch',
    t5.fingerprint,
    flan.fingerprint,
    'tiny-t5',
    'tiny-flan',
  )
})

test('an adapter of the Python libraries on a base of another shape is refused by its tensors', async () => {
  await expectError(
    loadAdapter(parity('peft/lora_r8_a16_all/checkpoint'), await tinyFlan()),
    'checkpoint_tensors',
    'wi.lora_A',
  )
})

test('a base with the same weights but another configuration is noticed', async () => {
  const dir = copied(parity('tiny-t5'))
  editJson(join(dir, 'config.json'), (json) => {
    json.feed_forward_proj = 'gelu_new'
  })
  const base = await loadBase(dir)
  expect(base.fingerprint).toBe((await tinyT5()).fingerprint)
  await expectError(loadAdapter(await saved(), base), 'base_mismatch', 'of the base alone', 'config.json')
})

test('one flipped bit anywhere in the weights is noticed', async () => {
  const dir = await saved()
  const path = join(dir, WEIGHTS)
  const whole = readFileSync(path)
  const length = 8 + Number(whole.readBigUInt64LE())
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: length, max: whole.length - 1 }), fc.nat(7), async (at, bit) => {
      const bytes = Buffer.from(whole)
      bytes[at] ^= 1 << bit
      writeFileSync(path, bytes)
      await expectError(loadAdapter(dir, await tinyT5()), 'checkpoint_corrupt', WEIGHTS)
    }),
    { numRuns: 20 },
  )
})

test('a file that was cut off is refused', async () => {
  const dir = await saved()
  const path = join(dir, WEIGHTS)
  writeFileSync(path, readFileSync(path).subarray(0, 5000))
  await expectError(loadAdapter(dir, await tinyT5()), 'checkpoint_corrupt', WEIGHTS)
})

test('a configuration that was edited after saving is noticed, though the weights are whole', async () => {
  const dir = await saved()
  editJson(join(dir, 'adapter_config.json'), (json) => {
    json.lora_alpha = 17
  })
  await expectError(loadAdapter(dir, await tinyT5()), 'checkpoint_corrupt', WEIGHTS, 'configuration')
})

test('an adapter that has weights and does nothing is refused, when saved and when loaded', async () => {
  const base = await tinyT5()
  const { method, values } = tuned({ method: 'lora' }, base)
  for (const [name, data] of values) if (name.endsWith('lora_A')) data.fill(0)
  // Without A there is nothing for B to do; nobody trained this, but it is no fresh LoRA either.
  await expect(saveAdapter(freshPath(), { method, values }, base)).resolves.toBeDefined()
  for (const [name, data] of values) if (name.endsWith('lora_A')) data.fill(1e-4)
  const tiny = { ...method, alpha: 1e-30 }
  await expectError(saveAdapter(freshPath(), { method: tiny, values }, base), 'adapter_inert', 'SelfAttention.q')
  const dir = copied(parity(PEFT))
  editJson(join(dir, 'adapter_config.json'), (json) => {
    json.lora_alpha = 1e-30
  })
  await expectError(loadAdapter(dir, base), 'adapter_inert', WEIGHTS, "the base's logits")
})

test('a fresh adapter, which does nothing yet, may be saved and loaded', async () => {
  const base = await tinyT5()
  await expect(loadAdapter(parity('trajectory/standard/start'), base)).resolves.toBeDefined()
  for (const method of ['lora', 'full']) {
    const fresh = freshPath()
    const start = tuned({ method }, base, 0)
    await saveAdapter(fresh, start, base)
    expect((await loadAdapter(fresh, base)).values).toEqual(start.values)
  }
})

test('a fully tuned model of another shape, or with another activation, is not taken for one of this base', async () => {
  await expectError(loadAdapter(parity('tiny-flan'), await tinyT5()), 'base_mismatch', 'config.json')
  const dir = copied(parity('tiny-t5'))
  editJson(join(dir, 'config.json'), (json) => {
    json.layer_norm_epsilon = 1e-5
  })
  await expectError(loadAdapter(dir, await tinyT5()), 'base_mismatch', 'layerNormEpsilon', '0.00001')
})

test('a folder without graft.json loads unless one is asked for', async () => {
  const base = await tinyT5()
  await expectError(loadAdapter(parity(PEFT), base, { allowNoManifest: false }), 'file_missing', 'graft.json')
})

test.each<[string, (manifest: Record<string, unknown>) => void, string]>([
  ['a later format', (m) => Object.assign(m, { format: 2 }), 'checkpoint_config'],
  ['no format', (m) => delete m.format, 'checkpoint_corrupt'],
  ['a digest that is none', (m) => Object.assign(m, { weights_sha256: 'abc' }), 'checkpoint_corrupt'],
  [
    'labels without words',
    (m) => Object.assign(m, { label_words: { a: 'x' }, labels: ['a', 'b'] }),
    'checkpoint_corrupt',
  ],
  [
    'a probe of tokens that the base does not have',
    (m) => Object.assign(m.probe as object, { ids: [10 ** 9] }),
    'checkpoint_corrupt',
  ],
  [
    'a probe that would take long at each load',
    (m) => Object.assign(m.probe as object, { inputs: [Array<number>(100_000).fill(5)] }),
    'checkpoint_corrupt',
  ],
  [
    'an unknown way to cut',
    (m) => Object.assign(m, { truncation: { max_tokens: 9, side: 'ends' } }),
    'checkpoint_corrupt',
  ],
])('a manifest with %s is refused', async (_, change, code) => {
  const dir = await saved()
  editJson(join(dir, 'graft.json'), change)
  await expectError(loadAdapter(dir, await tinyT5()), code as 'checkpoint_corrupt', 'graft.json')
})

test('a folder that is none, or holds no checkpoint, is named', async () => {
  const base = await tinyT5()
  await expectError(loadAdapter(freshPath('nowhere'), base), 'file_missing', 'nowhere')
  await expectError(loadAdapter(join(parity(PEFT), WEIGHTS), base), 'file_missing', 'a file')
  const empty = freshPath()
  mkdirSync(empty, { recursive: true })
  await expectError(loadAdapter(empty, base), 'file_missing', 'an empty folder')
  writeFileSync(join(empty, 'adapter_config.json'), '{"a": 1}')
  await expectError(loadAdapter(empty, base), 'checkpoint_config', 'peft_type')
  writeFileSync(join(empty, 'adapter_config.json'), '{"a": ')
  await expectError(loadAdapter(empty, base), 'checkpoint_corrupt', 'adapter_config.json')
  rmSync(join(empty, 'adapter_config.json'))
  writeFileSync(join(empty, 'config.json'), '{"delta_type": "lora"}')
  await expectError(loadAdapter(empty, base), 'checkpoint_config', 'OpenDelta')
  const pickled = copied(parity(PEFT))
  rmSync(join(pickled, WEIGHTS))
  writeFileSync(join(pickled, 'adapter_model.bin'), '')
  await expectError(loadAdapter(pickled, base), 'file_missing', 'adapter_model.bin alone', 'safetensors')
})
