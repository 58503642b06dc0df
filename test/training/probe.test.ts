import { existsSync, readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Adapter, loadAdapter } from '../../checkpoint/adapter.ts'
import type { Base } from '../../checkpoint/base.ts'
import type { DeviceKind } from '../../graph/runtime/devices/device-description.ts'
import { baseTensors } from '../../model/t5/tensors.ts'
import { probe, probeTrajectory } from '../../training/probe.ts'
import { expectError, parity, tinyFlan, tinyT5 } from '../checkpoint/helpers.ts'
import { distance, expectGradient, expectNear, inputs, json, LIMITS, reference } from '../model/references.ts'
import { onSoftwareVulkan, softwareVulkan } from '../software-vulkan.ts'
import { keepDeviceWarm } from '../warm-device.ts'

keepDeviceWarm()

interface Meta {
  loss_float64: { a: number; b: number }
  loss_masked_labels_float64: number
}

/** The folder of a case, and that of its checkpoint within it. */
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
  ['adapterhub/seq_bn_b8', 'safetensors'],
  ['adapterhub/seq_bn_b1', 'safetensors'],
  ['adapterhub/double_seq_bn_b8', 'safetensors'],
  ['adapterhub/double_seq_bn_b1', 'safetensors'],
  ['adapterhub/flan_seq_bn_b8', 'safetensors'],
  ['adapterhub/flan_double_seq_bn_b8', 'safetensors'],
  ['adapterhub/lora_r8_a16', 'safetensors'],
] as const

/** One of each method is probed on the long batch, too, where distances reach the last bucket. */
const onBoth = [
  'peft/flan_lora_r8_a16_all',
  'peft/prompt_10',
  'adapterhub/seq_bn_b8',
  'adapterhub/flan_double_seq_bn_b8',
  'base/tiny-t5',
  'base/tiny-flan',
]

const baseOf = (path: string) => (path.includes('flan') ? tinyFlan() : tinyT5())

/** Everything in the reference must be in the probe; nothing but logits, losses and gradients of what is trained may be. */
async function expectReference(path: string, adapter: Adapter | undefined, base: Base, device?: DeviceKind) {
  const { a, b } = inputs
  const batches = onBoth.includes(path) ? { a, b } : { a }
  const probed = await probe(base, adapter, batches, 'inputs.json', device)
  const { loss_float64 } = json<Meta>(`${path}/meta.json`)
  const names: string[] = []
  for (const [name, { shape, data }] of await reference(`${path}/reference.safetensors`)) {
    if (!name.startsWith('grad.') && !Object.keys(batches).some((batch) => name === `${batch}.logits`)) continue
    names.push(name)
    const found = probed.get(name)
    expect(found?.shape, name).toEqual(shape)
    if (name.startsWith('grad.')) expectGradient(found!.data, data, name)
    else expectNear(found!.data, data, LIMITS.logits, name)
  }
  for (const batch of Object.keys(batches) as ('a' | 'b')[]) {
    names.push(`${batch}.loss`)
    expectNear(probed.get(`${batch}.loss`)!.data, [loss_float64[batch]], LIMITS.loss, `${batch}.loss`)
  }
  expect(new Set(probed.keys())).toEqual(new Set(names))
  return names.filter((name) => name.startsWith('grad.')).length
}

describe('a probe gives the logits, losses and gradients of the Python library', () => {
  test.each(adapters)('for %s', async (path, folder) => {
    const base = await baseOf(path)
    const adapter = await loadAdapter(parity(`${path}/${folder}`), base)
    expect(await expectReference(path, adapter, base)).toBe(adapter.values.size)
  })

  test.each(['tiny-t5', 'tiny-flan'])('for %s itself, all of it trained', async (name) => {
    const base = await baseOf(name)
    expect(await expectReference(`base/${name}`, undefined, base)).toBe(baseTensors(base.t5).length)
  })
})

/** Every kind of op and of method once; the numbers of the others are made of the same. */
const onDevices = [
  ['peft/flan_lora_r8_a16_all', 'checkpoint'],
  ['peft/prompt_10', 'checkpoint'],
  ['adapterhub/double_seq_bn_b8', 'safetensors'],
] as const

describe.skipIf(!softwareVulkan)(
  onSoftwareVulkan('a probe on WebGPU gives those numbers, too'),
  { timeout: 180_000 },
  () => {
    test.each(onDevices)('for %s', async (path, folder) => {
      const base = await baseOf(path)
      const adapter = await loadAdapter(parity(`${path}/${folder}`), base)
      expect(await expectReference(path, adapter, base, 'webgpu')).toBe(adapter.values.size)
    })

    test.each(['tiny-t5', 'tiny-flan'])('for %s itself, all of it trained', async (name) => {
      const base = await baseOf(name)
      expect(await expectReference(`base/${name}`, undefined, base, 'webgpu')).toBe(baseTensors(base.t5).length)
    })
  },
)

test('labels of -100 take no part in the loss', async () => {
  const masked = { ...inputs.a, labels: inputs.a_labels_masked }
  const { data } = (await probe(await tinyT5(), undefined, { a: masked }, 'inputs.json')).get('a.loss')!
  expectNear(data, [json<Meta>('base/tiny-t5/meta.json').loss_masked_labels_float64], LIMITS.loss, 'loss')
})

test('the half of a prompt that PEFT saves and never reads has a gradient of zeros', async () => {
  const base = await tinyT5()
  const adapter = await loadAdapter(parity('peft/prompt_10/checkpoint'), base)
  const { data, shape } = (await probe(base, adapter, { a: inputs.a }, 'inputs.json')).get('grad.prompt_embeddings')!
  expect(shape).toEqual([20, 32])
  expect(data.subarray(0, 320).every((x) => x !== 0)).toBe(true)
  expect(data.subarray(320).every((x) => x === 0)).toBe(true)
})

describe('steps of AdamW end where those of torch end', () => {
  interface Run {
    hyperparameters: Record<string, unknown> & { betas: [number, number] }
  }
  const read = ['lr', 'betas', 'eps', 'weight_decay', 'warmup_steps', 'total_steps', 'max_grad_norm']

  // B = 0 at the start: some gradients are nearly zero, where AdamW's quotient is least certain.
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
    const adapter = await loadAdapter(parity(`trajectory/${start}/start`), base)
    const { hyperparameters } = json<Run>(`trajectory/${run}/meta.json`)
    const options = Object.fromEntries(Object.entries(hyperparameters).filter(([name]) => read.includes(name)))
    expect(Object.keys(options).sort()).toEqual(read.toSorted())

    const trained = await probeTrajectory(base, adapter, inputs, options, 'inputs.json', device)
    const expected = await reference(`trajectory/${run}/final.safetensors`)
    const began = await reference(`trajectory/${start}/start/adapter_model.safetensors`)
    expect(new Set(trained.keys())).toEqual(new Set(expected.keys()))
    let moved = 0
    for (const [name, { shape, data }] of expected) {
      expect(trained.get(name)?.shape).toEqual(shape)
      expectNear(trained.get(name)!.data, data, limit, name)
      moved = Math.max(moved, distance(data, began.get(name)!.data))
    }
    expect(moved).toBeGreaterThan(500 * limit)
  })
})

describe('a probe refuses', () => {
  const work = async (json: unknown) => probe(await tinyT5(), undefined, json, 'mine.json')
  const { a } = inputs

  test.each<[string, unknown, string]>([
    ['rows of different lengths', { a: { ...a, input_ids: [[1, 2], [1], [1]] } }, 'input_ids of different lengths'],
    ['a mask of another shape', { a: { ...a, attention_mask: [[1], [1], [1]] } }, 'attention_mask'],
    ['labels for other rows', { a: { ...a, labels: [[41, 1]] } }, '1 rows of labels for 3'],
    ['ids that are no whole numbers', { a: { ...a, input_ids: [[0.5]] } }, 'input_ids.0.0'],
    ['a batch without labels', { a: { input_ids: a.input_ids, attention_mask: a.attention_mask } }, 'labels'],
  ])('%s', async (_, given, found) => {
    await expectError(work(given), 'data_format', 'mine.json, a', found)
  })

  test.each([
    ['no steps', {}],
    ['an empty list of steps', { trajectory_steps: [] }],
    ['something else than a list', { trajectory_steps: a }],
  ])('to train on %s', async (_, given) => {
    const trained = async () =>
      probeTrajectory(await tinyT5(), undefined, given, { lr: 1, total_steps: 1 }, 'mine.json')
    await expectError(trained(), 'data_format', 'mine.json, trajectory_steps')
  })

  test.each([
    ['a hyperparameter that it does not know', { lr: 1e-3, total_steps: 5, momentum: 0.9 }, 'momentum'],
    ['to train without a learning rate', { total_steps: 5 }, 'lr'],
  ])('%s', async (_, options, named) => {
    const trained = async () => probeTrajectory(await tinyT5(), undefined, inputs, options, 'mine.json')
    await expectError(trained(), 'data_format', 'hyperparameters', named)
  })
})

test('the fixtures have no adapter that could be probed and is not', () => {
  const unprobed = ['peft', 'adapterhub']
    .flatMap((library) => readdirSync(parity(library)).map((name) => `${library}/${name}`))
    .filter((path) => existsSync(parity(`${path}/reference.safetensors`)) && !adapters.some(([own]) => own === path))
  expect(unprobed).toEqual([])
})
