import { existsSync, readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Adapter, loadAdapter } from '../../checkpoint/adapter.ts'
import type { Base } from '../../checkpoint/base.ts'
import type { DeviceKind } from '../../graph/runtime/devices/device-description.ts'
import { modelOf } from '../../model/architectures.ts'
import { probe, probeTrajectory } from '../../training/probe.ts'
import { expectError, parityPath, tinyFlan, tinyT5 } from '../checkpoint/helpers.ts'
import {
  expectGradient,
  expectNear,
  inputs,
  maxDifference,
  readJson,
  readReference,
  TOLERANCES,
} from '../model/references.ts'
import { onSoftwareVulkan, softwareVulkan } from '../software-vulkan.ts'
import { keepDeviceWarm } from '../warm-device.ts'

keepDeviceWarm()

interface Meta {
  loss_float64: { a: number; b: number }
  loss_masked_labels_float64: number
}

/** The folder of each case, and the folder of its checkpoint within it. */
const adapters = [
  ['peft/lora_r8_a16_qv', 'checkpoint'],
  ['peft/lora_r1_a16_qv', 'checkpoint'],
  ['peft/lora_r4_a32_rslora_qv', 'checkpoint'],
  ['peft/lora_r8_a16_all', 'checkpoint'],
  ['peft/flan_lora_r8_a16_qv', 'checkpoint'],
  ['peft/flan_lora_r8_a16_all', 'checkpoint'],
  ['peft/prompt_1', 'checkpoint'],
  ['peft/prompt_10', 'checkpoint'],
  ['peft/prompt_10_sub1', 'checkpoint'],
  ['peft/flan_prompt_10_sub1', 'checkpoint'],
  ['peft/dora_r4_a8_qv', 'checkpoint'],
  ['peft/ia3', 'checkpoint'],
  ['peft/prefix_5', 'checkpoint'],
  ['adapterhub/seq_bn_b8', 'safetensors'],
  ['adapterhub/seq_bn_b1', 'safetensors'],
  ['adapterhub/double_seq_bn_b8', 'safetensors'],
  ['adapterhub/double_seq_bn_b1', 'safetensors'],
  ['adapterhub/flan_seq_bn_b8', 'safetensors'],
  ['adapterhub/flan_double_seq_bn_b8', 'safetensors'],
  ['adapterhub/lora_r8_a16', 'safetensors'],
  ['opendelta/adapter_b1', 'checkpoint'],
  ['opendelta/adapter_b8', 'checkpoint'],
  ['opendelta/adapter_b8_ffn_only', 'checkpoint'],
  ['opendelta/flan_adapter_b8', 'checkpoint'],
  ['opendelta/lora_r8', 'checkpoint'],
  ['opendelta/lora_r8_qv_with_cross', 'checkpoint'],
  ['opendelta/soft_prompt_1', 'checkpoint'],
  ['opendelta/soft_prompt_10', 'checkpoint'],
] as const

/** Cases, one for each method, that are also probed on the long batch, whose distances reach the last bucket. */
const onBothBatches = [
  'peft/flan_lora_r8_a16_all',
  'peft/prompt_10',
  'adapterhub/seq_bn_b8',
  'adapterhub/flan_double_seq_bn_b8',
  'peft/dora_r4_a8_qv',
  'peft/ia3',
  'peft/prefix_5',
  'opendelta/flan_adapter_b8',
  'base/tiny-t5',
  'base/tiny-flan',
]

const baseOf = (path: string) => (path.includes('flan') ? tinyFlan() : tinyT5())

/**
 * Expects the probe to have everything that the reference has, and only logits, losses and the gradients of trained
 * tensors. Returns the number of gradients.
 */
async function expectReference(path: string, adapter: Adapter | undefined, base: Base, device?: DeviceKind) {
  const { a, b } = inputs
  // Software Vulkan takes seconds for the long batch, which model/t5/t5.test.ts runs on WebGPU.
  const batches = onBothBatches.includes(path) && device !== 'webgpu' ? { a, b } : { a }
  const probed = await probe(base, adapter, batches, 'inputs.json', device)
  const { loss_float64 } = readJson<Meta>(`${path}/meta.json`)
  const names: string[] = []
  for (const [name, { shape, data }] of await readReference(`${path}/reference.safetensors`)) {
    if (!name.startsWith('grad.') && !Object.keys(batches).some((batch) => name === `${batch}.logits`)) continue
    names.push(name)
    const found = probed.get(name)
    expect(found?.shape, name).toEqual(shape)
    if (name.startsWith('grad.')) expectGradient(found!.data, data, name)
    else expectNear(found!.data, data, TOLERANCES.logits, name)
  }
  for (const batch of Object.keys(batches) as ('a' | 'b')[]) {
    names.push(`${batch}.loss`)
    expectNear(probed.get(`${batch}.loss`)!.data, [loss_float64[batch]], TOLERANCES.loss, `${batch}.loss`)
  }
  expect(new Set(probed.keys())).toEqual(new Set(names))
  return names.filter((name) => name.startsWith('grad.')).length
}

describe('a probe gives the logits, losses and gradients of the Python library', () => {
  test.each(adapters)('for %s', async (path, folder) => {
    const base = await baseOf(path)
    const adapter = await loadAdapter(parityPath(`${path}/${folder}`), base)
    expect(await expectReference(path, adapter, base)).toBe(adapter.values.size)
  })

  test.each(['tiny-t5', 'tiny-flan'])('for %s itself, all of it trained', async (name) => {
    const base = await baseOf(name)
    expect(await expectReference(`base/${name}`, undefined, base)).toBe(modelOf(base).tensors.length)
  })
})

/** Cases that cover every kind of op and of method once. */
const onWebgpu = [
  ['peft/flan_lora_r8_a16_all', 'checkpoint'],
  ['peft/prompt_10', 'checkpoint'],
  ['adapterhub/double_seq_bn_b8', 'safetensors'],
  ['peft/dora_r4_a8_qv', 'checkpoint'],
  ['peft/ia3', 'checkpoint'],
  ['peft/prefix_5', 'checkpoint'],
] as const

describe.skipIf(!softwareVulkan)(
  onSoftwareVulkan('a probe on WebGPU gives the same numbers'),
  { timeout: 180_000 },
  () => {
    test.each(onWebgpu)('for %s', async (path, folder) => {
      const base = await baseOf(path)
      const adapter = await loadAdapter(parityPath(`${path}/${folder}`), base)
      expect(await expectReference(path, adapter, base, 'webgpu')).toBe(adapter.values.size)
    })

    test.each(['tiny-t5', 'tiny-flan'])('for %s itself, all of it trained', async (name) => {
      const base = await baseOf(name)
      expect(await expectReference(`base/${name}`, undefined, base, 'webgpu')).toBe(modelOf(base).tensors.length)
    })
  },
)

test('labels of -100 are not part of the loss', async () => {
  const masked = { ...inputs.a, labels: inputs.a_labels_masked }
  const { data } = (await probe(await tinyT5(), undefined, { a: masked }, 'inputs.json')).get('a.loss')!
  expectNear(data, [readJson<Meta>('base/tiny-t5/meta.json').loss_masked_labels_float64], TOLERANCES.loss, 'loss')
})

test('the half of a prompt that PEFT saves but never reads has a gradient of zero', async () => {
  const base = await tinyT5()
  const adapter = await loadAdapter(parityPath('peft/prompt_10/checkpoint'), base)
  const { data, shape } = (await probe(base, adapter, { a: inputs.a }, 'inputs.json')).get('grad.prompt_embeddings')!
  expect(shape).toEqual([20, 32])
  expect(data.subarray(0, 320).every((x) => x !== 0)).toBe(true)
  expect(data.subarray(320).every((x) => x === 0)).toBe(true)
})

describe('steps of AdamW give the weights of torch', () => {
  interface Run {
    hyperparameters: Record<string, unknown> & { betas: [number, number] }
  }
  const optionNames = ['lr', 'betas', 'eps', 'weight_decay', 'warmup_steps', 'total_steps', 'max_grad_norm']

  // B is 0 at the start, so some gradients are nearly zero. AdamW divides by them, which enlarges rounding errors.
  test.each([
    ['perturbed', 'perturbed', 2e-6, 'cpu'],
    ['standard', 'standard', 4e-6, 'cpu'],
    ['standard_clip6.5', 'standard', 4e-6, 'cpu'],
    ...(softwareVulkan
      ? ([
          ['perturbed', 'perturbed', 2e-6, 'webgpu'],
          ['standard_clip6.5', 'standard', 4e-6, 'webgpu'],
        ] as const)
      : []),
  ] as const)('%s from %s within %d, on %s', async (run, start, limit, device) => {
    const base = await tinyT5()
    const adapter = await loadAdapter(parityPath(`trajectory/${start}/start`), base)
    const { hyperparameters } = readJson<Run>(`trajectory/${run}/meta.json`)
    const options = Object.fromEntries(Object.entries(hyperparameters).filter(([name]) => optionNames.includes(name)))
    expect(Object.keys(options).sort()).toEqual(optionNames.toSorted())

    const trained = await probeTrajectory(base, adapter, inputs, options, 'inputs.json', device)
    const expected = await readReference(`trajectory/${run}/final.safetensors`)
    const initial = await readReference(`trajectory/${start}/start/adapter_model.safetensors`)
    expect(new Set(trained.keys())).toEqual(new Set(expected.keys()))
    let largestChange = 0
    for (const [name, { shape, data }] of expected) {
      expect(trained.get(name)?.shape).toEqual(shape)
      expectNear(trained.get(name)!.data, data, limit, name)
      largestChange = Math.max(largestChange, maxDifference(data, initial.get(name)!.data))
    }
    expect(largestChange).toBeGreaterThan(500 * limit)
  })
})

describe('a probe rejects', () => {
  const probeJson = async (json: unknown) => probe(await tinyT5(), undefined, json, 'mine.json')
  const { a } = inputs

  test.each<[string, unknown, string]>([
    ['rows of different lengths', { a: { ...a, input_ids: [[1, 2], [1], [1]] } }, 'input_ids of different lengths'],
    ['a mask with another shape', { a: { ...a, attention_mask: [[1], [1], [1]] } }, 'attention_mask'],
    ['labels for another number of rows', { a: { ...a, labels: [[41, 1]] } }, '1 rows of labels for 3'],
    ['ids that are not integers', { a: { ...a, input_ids: [[0.5]] } }, 'input_ids.0.0'],
    ['a batch without labels', { a: { input_ids: a.input_ids, attention_mask: a.attention_mask } }, 'labels'],
  ])('%s', async (_, json, found) => {
    await expectError(probeJson(json), 'data_format', 'mine.json, a', found)
  })

  test.each([
    ['without steps', {}],
    ['with an empty list of steps', { trajectory_steps: [] }],
    ['with steps that are not a list', { trajectory_steps: a }],
  ])('a trajectory %s', async (_, json) => {
    const train = async () => probeTrajectory(await tinyT5(), undefined, json, { lr: 1, total_steps: 1 }, 'mine.json')
    await expectError(train(), 'data_format', 'mine.json, trajectory_steps')
  })

  test.each([
    ['with an unknown hyperparameter', { lr: 1e-3, total_steps: 5, momentum: 0.9 }, 'momentum'],
    ['without a learning rate', { total_steps: 5 }, 'lr'],
  ])('a trajectory %s', async (_, options, field) => {
    const train = async () => probeTrajectory(await tinyT5(), undefined, inputs, options, 'mine.json')
    await expectError(train(), 'data_format', 'hyperparameters', field)
  })
})

test('every adapter of the fixtures that can be probed is probed', () => {
  const unprobed = ['peft', 'adapterhub', 'opendelta']
    .flatMap((library) => readdirSync(parityPath(library)).map((name) => `${library}/${name}`))
    .filter(
      (path) => existsSync(parityPath(`${path}/reference.safetensors`)) && !adapters.some(([own]) => own === path),
    )
  expect(unprobed).toEqual([])
})
