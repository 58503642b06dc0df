import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { loadAdapter, saveAdapter } from '../../checkpoint/adapter.ts'
import { loadBase } from '../../checkpoint/base.ts'
import type { TensorData } from '../../model/tensor-shapes.ts'
import {
  copyFolder,
  editJson,
  editTensors,
  expectError,
  freshPath,
  parityPath,
  randomAdapter,
  tinyFlan,
  tinyT5,
} from './helpers.ts'

const PEFT = 'peft/lora_r8_a16_qv/checkpoint'
const WEIGHTS = 'adapter_model.safetensors'
const A = 'base_model.model.encoder.block.0.layer.0.SelfAttention.q.lora_A.weight'

async function damageAdapter(change: (tensors: Map<string, TensorData>) => void, from = PEFT): Promise<string> {
  const dir = copyFolder(parityPath(from))
  await editTensors(join(dir, WEIGHTS), change)
  return dir
}

/** Saves an adapter with its manifest, as training does. */
async function saveRandomAdapter(config = { method: 'lora' }): Promise<string> {
  const dir = freshPath('adapter')
  await saveAdapter(dir, randomAdapter(config, await tinyT5()), await tinyT5())
  return dir
}

test('an error names a tensor that is missing, unexpected, renamed or of another shape', async () => {
  const base = await tinyT5()
  const missing = await damageAdapter((t) => t.delete(A))
  await expectError(loadAdapter(missing, base), 'checkpoint_tensors', `${WEIGHTS} is missing ${A} [8, 32]`)
  const extra = await damageAdapter((t) =>
    t.set('base_model.model.lm_head.weight', { shape: [1], data: new Float32Array(1) }),
  )
  await expectError(loadAdapter(extra, base), 'checkpoint_tensors', 'base_model.model.lm_head.weight')
  const renamed = await damageAdapter((t) => {
    t.set(A.replace('.q.', '.query.'), t.get(A)!)
    t.delete(A)
  })
  await expectError(
    loadAdapter(renamed, base),
    'checkpoint_tensors',
    A,
    'instead it contains',
    'SelfAttention.query.lora_A.weight',
  )
  const misshapen = await damageAdapter((t) => t.set(A, { ...t.get(A)!, shape: [32, 8] }))
  await expectError(loadAdapter(misshapen, base), 'checkpoint_tensors', A, '[8, 32]', '[32, 8]')
  const fewer = await damageAdapter(
    (t) => t.set('prompt_embeddings', { shape: [10, 32], data: new Float32Array(320) }),
    'peft/prompt_10/checkpoint',
  )
  await expectError(loadAdapter(fewer, base), 'checkpoint_tensors', 'prompt_embeddings', '[20, 32]', '[10, 32]')
})

test('a number that is not finite is reported as damage in a file and as divergence in a training', async () => {
  const base = await tinyT5()
  const dir = await damageAdapter((t) => {
    t.get(A)!.data[5] = Number.NaN
  })
  await expectError(loadAdapter(dir, base), 'checkpoint_corrupt', A, 'NaN')
  const { method, values } = randomAdapter({ method: 'lora' }, base)
  const [name, data] = [...values][0]
  data[0] = Number.POSITIVE_INFINITY
  await expectError(saveAdapter(freshPath(), { method, values }, base), 'training_diverged', name, 'Infinity')
})

test('values that do not fit the method are never saved', async () => {
  const base = await tinyT5()
  const { method, values } = randomAdapter({ method: 'lora' }, base)
  const out = freshPath()
  await expectError(saveAdapter(out, { method: { ...method, rank: 4 }, values }, base), 'checkpoint_tensors', 'lora_A')
  await expectError(loadAdapter(out, base), 'file_missing', out)
})

test('an adapter of another base is rejected with both fingerprints', async () => {
  const [t5, flan] = [await tinyT5(), await tinyFlan()]
  await expectError(
    loadAdapter(await saveRandomAdapter(), flan),
    'base_mismatch',
    t5.fingerprint,
    flan.fingerprint,
    'tiny-t5',
    'tiny-flan',
  )
})

test('an adapter of the Python libraries is rejected by its tensors if the base has another shape', async () => {
  await expectError(
    loadAdapter(parityPath('peft/lora_r8_a16_all/checkpoint'), await tinyFlan()),
    'checkpoint_tensors',
    'wi.lora_A',
  )
})

test('a base with the same weights but another configuration is rejected', async () => {
  const dir = copyFolder(parityPath('tiny-t5'))
  editJson(join(dir, 'config.json'), (json) => {
    json.feed_forward_proj = 'gelu_new'
  })
  const base = await loadBase(dir)
  expect(base.fingerprint).toBe((await tinyT5()).fingerprint)
  await expectError(
    loadAdapter(await saveRandomAdapter(), base),
    'base_mismatch',
    'of the base without the adapter',
    'config.json',
  )
})

test('a single flipped bit anywhere in the weights is detected', async () => {
  const dir = await saveRandomAdapter()
  const path = join(dir, WEIGHTS)
  const intact = readFileSync(path)
  const headerEnd = 8 + Number(intact.readBigUInt64LE())
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: headerEnd, max: intact.length - 1 }), fc.nat(7), async (at, bit) => {
      const bytes = Buffer.from(intact)
      bytes[at] ^= 1 << bit
      writeFileSync(path, bytes)
      await expectError(loadAdapter(dir, await tinyT5()), 'checkpoint_corrupt', WEIGHTS)
    }),
    { numRuns: 20 },
  )
})

test('a truncated file is rejected', async () => {
  const dir = await saveRandomAdapter()
  const path = join(dir, WEIGHTS)
  writeFileSync(path, readFileSync(path).subarray(0, 5000))
  await expectError(loadAdapter(dir, await tinyT5()), 'checkpoint_corrupt', WEIGHTS)
})

test('a configuration that was edited after saving is detected, even if the weights are intact', async () => {
  const dir = await saveRandomAdapter()
  editJson(join(dir, 'adapter_config.json'), (json) => {
    json.lora_alpha = 17
  })
  await expectError(loadAdapter(dir, await tinyT5()), 'checkpoint_corrupt', WEIGHTS, 'configuration')
})

test('an adapter that has weights but no effect is rejected, both when it is saved and when it is loaded', async () => {
  const base = await tinyT5()
  const { method, values } = randomAdapter({ method: 'lora' }, base)
  for (const [name, data] of values) if (name.endsWith('lora_A')) data.fill(0)
  // Without A, B has no effect. This is not a fresh LoRA, but no training produced it either.
  await expect(saveAdapter(freshPath(), { method, values }, base)).resolves.toBeDefined()
  for (const [name, data] of values) if (name.endsWith('lora_A')) data.fill(1e-4)
  const tiny = { ...method, alpha: 1e-30 }
  await expectError(saveAdapter(freshPath(), { method: tiny, values }, base), 'adapter_inert', 'SelfAttention.q')
  const dir = copyFolder(parityPath(PEFT))
  editJson(join(dir, 'adapter_config.json'), (json) => {
    json.lora_alpha = 1e-30
  })
  await expectError(loadAdapter(dir, base), 'adapter_inert', WEIGHTS, 'its logits are exactly those of the base')
})

test('a fresh adapter, which has no effect yet, can be saved and loaded', async () => {
  const base = await tinyT5()
  await expect(loadAdapter(parityPath('trajectory/standard/start'), base)).resolves.toBeDefined()
  for (const method of ['lora', 'full']) {
    const fresh = freshPath()
    const start = randomAdapter({ method }, base, 0)
    await saveAdapter(fresh, start, base)
    expect((await loadAdapter(fresh, base)).values).toEqual(start.values)
  }
})

test('a full model of another shape or with another setting is not accepted as one of this base', async () => {
  await expectError(loadAdapter(parityPath('tiny-flan'), await tinyT5()), 'base_mismatch', 'config.json')
  const dir = copyFolder(parityPath('tiny-t5'))
  editJson(join(dir, 'config.json'), (json) => {
    json.layer_norm_epsilon = 1e-5
  })
  await expectError(loadAdapter(dir, await tinyT5()), 'base_mismatch', 'layerNormEpsilon', '0.00001')
})

test('a folder without graft.json is rejected if graft.json is required', async () => {
  const base = await tinyT5()
  await expectError(loadAdapter(parityPath(PEFT), base, { allowNoManifest: false }), 'file_missing', 'graft.json')
})

test.each<[string, (manifest: Record<string, unknown>) => void, string]>([
  ['a later format', (m) => Object.assign(m, { format: 2 }), 'checkpoint_config'],
  ['no format', (m) => delete m.format, 'checkpoint_corrupt'],
  ['an invalid digest', (m) => Object.assign(m, { weights_sha256: 'abc' }), 'checkpoint_corrupt'],
  [
    'labels that have no words',
    (m) => Object.assign(m, { label_words: { a: 'x' }, labels: ['a', 'b'] }),
    'checkpoint_corrupt',
  ],
  [
    'a probe with tokens that the base does not have',
    (m) => Object.assign(m.probe as object, { ids: [10 ** 9] }),
    'checkpoint_corrupt',
  ],
  [
    'a probe that would slow down each load',
    (m) => Object.assign(m.probe as object, { inputs: [Array<number>(100_000).fill(5)] }),
    'checkpoint_corrupt',
  ],
  [
    'an unknown truncation side',
    (m) => Object.assign(m, { truncation: { max_tokens: 9, side: 'ends' } }),
    'checkpoint_corrupt',
  ],
])('a manifest with %s is rejected', async (_, change, code) => {
  const dir = await saveRandomAdapter()
  editJson(join(dir, 'graft.json'), change)
  await expectError(loadAdapter(dir, await tinyT5()), code as 'checkpoint_corrupt', 'graft.json')
})

test('an error names a folder that does not exist or contains no checkpoint', async () => {
  const base = await tinyT5()
  await expectError(loadAdapter(freshPath('nowhere'), base), 'file_missing', 'nowhere does not exist')
  await expectError(loadAdapter(join(parityPath(PEFT), WEIGHTS), base), 'file_missing', 'is a file')
  const empty = freshPath()
  mkdirSync(empty, { recursive: true })
  await expectError(loadAdapter(empty, base), 'file_missing', 'an empty folder')
  writeFileSync(join(empty, 'adapter_config.json'), '{"a": 1}')
  await expectError(loadAdapter(empty, base), 'checkpoint_config', 'peft_type')
  writeFileSync(join(empty, 'adapter_config.json'), '{"a": ')
  await expectError(loadAdapter(empty, base), 'checkpoint_corrupt', 'adapter_config.json')
  rmSync(join(empty, 'adapter_config.json'))
  writeFileSync(join(empty, 'config.json'), '{"delta_type": "lora"}')
  await expectError(loadAdapter(empty, base), 'file_missing', 'pytorch_model.bin')
  const pickled = copyFolder(parityPath(PEFT))
  rmSync(join(pickled, WEIGHTS))
  await expectError(loadAdapter(pickled, base), 'file_missing', WEIGHTS)
  writeFileSync(join(pickled, 'adapter_model.bin'), '')
  await expectError(loadAdapter(pickled, base), 'checkpoint_corrupt', 'adapter_model.bin')
})
