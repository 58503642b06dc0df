import { globSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { type Adapter, loadAdapter, saveAdapter, tensorNamesOf } from '../../checkpoint/adapter.ts'
import type { MethodConfig } from '../../model/methods/registry.ts'
import { copyFolder, editJson, freshPath, parityPath, randomAdapter, tinyFlan, tinyT5 } from './helpers.ts'

const folders = globSync('**/{adapter.safetensors,adapter_model.safetensors}', { cwd: parityPath('.') }).map(dirname)
const baseOf = (dir: string) => (dir.includes('flan') ? tinyFlan() : tinyT5())
const configOf = (dir: string) => readFileSync(join(dir, 'adapter_config.json'), 'utf8')

test('the fixtures contain folders to load', () => expect(folders.length).toBeGreaterThan(15))

test.each(folders)('%s is loaded and saved with the same bytes', async (dir) => {
  const out = freshPath()
  const saved = await saveAdapter(out, await loadAdapter(parityPath(dir), await baseOf(dir)), await baseOf(dir))
  for (const file of readdirSync(parityPath(dir)))
    expect(readFileSync(join(out, file)).equals(readFileSync(join(parityPath(dir), file))), file).toBe(true)
  expect(readdirSync(out).sort()).toEqual([...readdirSync(parityPath(dir)), 'README.md', 'graft.json'].sort())
  expect(saved.digest).toBe(saved.manifest?.weights_sha256)
})

test.each(folders)(
  '%s is saved with the configuration that its library wrote, byte for byte, even if the original is not kept',
  async (dir) => {
    const { libraryConfig: _, ...adapter } = await loadAdapter(parityPath(dir), await baseOf(dir))
    const out = freshPath()
    await saveAdapter(out, adapter, await baseOf(dir))
    expect(configOf(out)).toBe(configOf(parityPath(dir)))
  },
)

const savedMethods: [string, MethodConfig, Partial<Adapter>?][] = [
  ['LoRA', { method: 'lora' }],
  ['rsLoRA of some modules', { method: 'lora', rank: 3, alpha: 2.5, rslora: true, targets: ['SelfAttention.q', 'wo'] }],
  [
    'LoRA with ranks and alphas of some Linears',
    { method: 'lora', ranks: { 'SelfAttention.q': 3, v: 5 }, alphas: { v: 2.5 }, rslora: true },
  ],
  ['LoRA in AdapterHub', { method: 'lora', targets: ['q', 'k'] }, { layout: 'adapterhub' }],
  ['DoRA', { method: 'lora', dora: true, rank: 4 }],
  ['LoRA in OpenDelta', { method: 'lora', targets: ['SelfAttention.q', 'wo'] }, { layout: 'opendelta' }],
  ['IA3', { method: 'ia3' }],
  ['IA3 of some outputs', { method: 'ia3', targets: ['SelfAttention.q', 'wo'], feedforward: [] }],
  ['a prefix', { method: 'prefix', tokens: 4 }],
  ['a soft prompt', { method: 'soft-prompt', tokens: 3 }],
  ['a soft prompt in OpenDelta', { method: 'soft-prompt', tokens: 3 }, { layout: 'opendelta' }],
  ["OpenDelta's adapter", { method: 'bottleneck', variant: 'opendelta', bottleneck: 6 }, { layout: 'opendelta' }],
  [
    "OpenDelta's adapter at some Linears",
    { method: 'bottleneck', variant: 'opendelta', targets: ['SelfAttention.q', 'wo'] },
    { layout: 'opendelta' },
  ],
  ["a soft prompt with PEFT's second half", { method: 'soft-prompt', tokens: 3, init: 'normal', submodules: 2 }],
  ['seq_bn', { method: 'bottleneck', variant: 'seq_bn', bottleneck: 5 }],
  [
    'double_seq_bn',
    { method: 'bottleneck', variant: 'double_seq_bn', bottleneck: 7, cross_attention: true, activation: 'relu' },
  ],
  ['full fine-tuning', { method: 'full' }],
]

test.each(savedMethods)(
  '%s loads unchanged from its folder and is saved again with the same bytes',
  async (_, config, extra) => {
    for (const base of [await tinyT5(), await tinyFlan()]) {
      const { method, values } = randomAdapter(config, base)
      const [first, second] = [freshPath(), freshPath()]
      const saved = await saveAdapter(first, { method, values, ...extra }, base, {
        label_words: { negative: 'bad', positive: 'good' },
        labels: ['negative', 'positive'],
        truncation: { max_tokens: 512, side: 'left' },
        temperature: 1.25,
        training: { steps: 3, nested: { rates: [0.5, 1] } },
        metrics: { accuracy: 0.9 },
        probe_ids: [41, 65],
      })
      const loaded = await loadAdapter(first, base, { allowNoManifest: false })
      expect(loaded).toEqual(saved)
      expect(loaded.method).toEqual(method)
      for (const [name, data] of values) expect(loaded.values.get(name)).toEqual(data)
      await saveAdapter(second, loaded, base)
      for (const file of readdirSync(first))
        expect(readFileSync(join(second, file))).toEqual(readFileSync(join(first, file)))
    }
  },
)

test("OpenDelta's adapter is saved as AdapterHub's double_seq_bn with tanh gelu, which computes the same", async () => {
  const base = await tinyFlan()
  const { method, values } = randomAdapter({ method: 'bottleneck', variant: 'opendelta', cross_attention: true }, base)
  const [out, again] = [freshPath(), freshPath()]
  const saved = await saveAdapter(out, { method, values }, base)
  expect(saved.method).toEqual({
    method: 'bottleneck',
    bottleneck: 8,
    variant: 'double_seq_bn',
    cross_attention: true,
    activation: 'gelu',
  })
  expect(JSON.parse(configOf(out)).config).toMatchObject({
    mh_adapter: true,
    cross_adapter: true,
    non_linearity: 'gelu_new',
  })
  // Loading checks its logits against those of the adapter as it was trained.
  expect(await loadAdapter(out, base)).toEqual(saved)
  await saveAdapter(again, { ...saved, method, values, naming: undefined, libraryConfig: undefined }, base)
  expect(readFileSync(join(again, 'graft.json'))).toEqual(readFileSync(join(out, 'graft.json')))
})

test('the folder of a full model is a base itself, including its tokenizer', async () => {
  const base = await tinyT5()
  const dir = copyFolder(parityPath('tiny-t5'))
  writeFileSync(join(dir, 'tokenizer.json'), '{"model": {}}')
  const out = freshPath()
  await saveAdapter(out, randomAdapter({ method: 'full' }, base), { ...base, dir })
  expect(readdirSync(out).sort()).toEqual([
    'README.md',
    'config.json',
    'graft.json',
    'model.safetensors',
    'tokenizer.json',
  ])
  expect(readFileSync(join(out, 'config.json'), 'utf8')).toBe(base.configText)
})

test('names of modules and adapters that look like parts of a tensor name are preserved', async () => {
  const base = await tinyT5()
  const { method } = randomAdapter({ method: 'lora', targets: ['encoder.block.0.layer.0.SelfAttention.q'] }, base)
  const parameter = 'encoder.block.0.layer.0.SelfAttention.q.lora_A'
  for (const adapter of ['lora', 'weight', 'adapters', 'loras', 'adapter_down', 'encoder', 'lora_A']) {
    const names = tensorNamesOf(
      { layout: 'adapterhub', method: { ...method, targets: ['q'] }, naming: { adapter, prefix: '' } },
      base,
    )
    expect(names.get(parameter)).toBe(`encoder.block.0.layer.0.SelfAttention.q.loras.${adapter}.lora_A`)
    const out = freshPath()
    await saveAdapter(
      out,
      { ...randomAdapter({ method: 'bottleneck' }, base), naming: { adapter, prefix: 'transformer.' } },
      base,
    )
    const loaded = await loadAdapter(out, base)
    expect(loaded.naming).toEqual({ adapter, prefix: 'transformer.' })
  }
  expect(tensorNamesOf({ layout: 'peft', method }, base).get(parameter)).toBe(`base_model.model.${parameter}.weight`)
})

test('each parameter has its own tensor name in the file', async () => {
  for (const [, config, extra] of savedMethods) {
    const base = await tinyFlan()
    const { method, values } = randomAdapter(config, base)
    const { layout } = await saveAdapter(freshPath(), { method, values, ...extra }, base)
    const names = tensorNamesOf({ layout, method }, base)
    expect([...names.keys()]).toEqual([...values.keys()])
    expect(new Set(names.values()).size).toBe(values.size)
  }
})

test('a file whose names start with transformer., as T5AdapterModel saves them, loads as the same adapter', async () => {
  const base = await tinyT5()
  const plain = await loadAdapter(parityPath('adapterhub/seq_bn_b8/safetensors'), base)
  const out = freshPath()
  await saveAdapter(out, { ...plain, naming: { ...plain.naming, prefix: 'transformer.' } }, base)
  const loaded = await loadAdapter(out, base)
  expect(loaded.values).toEqual(plain.values)
  expect([...tensorNamesOf(loaded, base).values()].every((name) => name.startsWith('transformer.'))).toBe(true)
})

test('the configuration is rewritten if it no longer describes the adapter', async () => {
  const base = await tinyT5()
  const loaded = await loadAdapter(parityPath('peft/lora_r8_a16_qv/checkpoint'), base)
  const out = freshPath()
  const { method } = await saveAdapter(out, { ...loaded, method: { ...loaded.method, alpha: 4 } }, base)
  expect(JSON.parse(configOf(out)).lora_alpha).toBe(4)
  expect(method.alpha).toBe(4)
})

test('equal weights with another alpha or another label word have another key but the same digest', async () => {
  const base = await tinyT5()
  const dir = parityPath('peft/lora_r8_a16_qv/checkpoint')
  const plain = await loadAdapter(dir, base)
  const other = copyFolder(dir)
  editJson(join(other, 'adapter_config.json'), (json) => {
    json.lora_alpha = 32
  })
  const changed = await loadAdapter(other, base)
  expect(changed.digest).toBe(plain.digest)
  expect(changed.key).not.toBe(plain.key)
  const worded = await saveAdapter(freshPath(), plain, base, { label_words: { negative: 'bad' } })
  expect(worded.key).not.toBe(plain.key)
  expect((await loadAdapter(dir, base)).key).toBe(plain.key)
})
