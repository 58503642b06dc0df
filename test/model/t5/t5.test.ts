import { cpSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Base, loadBase } from '../../../checkpoint/base.ts'
import { gradients } from '../../../graph/gradients.ts'
import type { Target } from '../../../graph/onnx/emitter.ts'
import { lower } from '../../../graph/onnx/lower.ts'
import { add, mul } from '../../../graph/ops/elementwise.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { reduceSum, reshape } from '../../../graph/ops/shape.ts'
import { crossEntropy } from '../../../graph/ops/softmax.ts'
import { type Program, program } from '../../../graph/program.ts'
import { openDevice } from '../../../graph/runtime/device.ts'
import { openSession, type Values } from '../../../graph/runtime/session.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import type { Symbols } from '../../../graph/types.ts'
import { batchInputs, classifierProgram, tuned } from '../../../model/programs.ts'
import type { T5Config } from '../../../model/t5/config.ts'
import { logits, t5 } from '../../../model/t5/t5.ts'
import { baseTensors } from '../../../model/t5/tensors.ts'
import { copied, parity, tinyFlan, tinyT5 } from '../../checkpoint/helpers.ts'
import { softwareVulkan } from '../../software-vulkan.ts'
import { keepDeviceWarm } from '../../warm-device.ts'
import { expectGradient, expectNear, inputs, json, LIMITS, type RawBatch, reference } from '../references.ts'

keepDeviceWarm()

const TARGET = 2

/** Everything of a forward and backward pass: logits, loss, hidden states after every block, the gradient of every tensor. */
function wholeModel(config: T5Config): Program {
  const { context, trained } = tuned(config, { method: 'full' })
  const blocks: Record<string, Tensor> = {}
  const output: typeof context.edits.output = (layer, h, f) => {
    const [, stack, block] = /^(encoder|decoder)\.block\.(\d+)/.exec(layer.name) ?? []
    if (layer.kind === 'feedForward') blocks[`${stack}_block.${block}`] = add(h, f)
    return context.edits.output(layer, h, f)
  }
  const watched = { ...context, edits: { ...context.edits, output } }
  const { encoder, decoder } = t5(batchInputs(TARGET), watched)
  const predicted = logits(decoder, watched) // [B, T, V]
  const rows = crossEntropy(
    reshape(predicted, [`${TARGET}*batch`, config.vocabSize]),
    input('labels', 'i32', ['2*batch']),
  )
  const loss = reduceSum(mul(rows, input('label_weights', 'f32', ['2*batch'])))
  const grads = gradients(loss, [...trained.values()])
  return program('whole model', {
    loss,
    logits: predicted,
    encoder_last_hidden_state: encoder,
    ...blocks,
    ...Object.fromEntries([...trained.keys()].map((name, i) => [`grad.${name}`, grads[i]])),
  })
}

/** The batch as the library takes it: decoder inputs are the labels moved right, and labels of -100 do not count. */
function feedsOf({ input_ids, attention_mask, labels }: RawBatch) {
  const shown = (label: number) => Math.max(label, 0)
  const counted = labels.flat().filter((label) => label >= 0).length
  return {
    symbols: { batch: input_ids.length, source: input_ids[0].length },
    feeds: {
      input_ids: Int32Array.from(input_ids.flat()),
      attention_mask: Float32Array.from(attention_mask.flat()),
      decoder_input_ids: Int32Array.from(labels.flatMap((row) => [0, shown(row[0])])),
      labels: Int32Array.from(labels.flat(), shown),
      label_weights: Float32Array.from(labels.flat(), (label) => (label < 0 ? 0 : 1 / counted)),
    },
  }
}

/** What CUDA gets, plain ONNX with the weights in it, is run by the CPU here. */
async function openAs({ t5: config, tensors }: Base, target: Target) {
  const [model, weights] = [wholeModel(config), Object.fromEntries(tensors)]
  if (target === 'webgpu') {
    const device = openDevice()
    const { run } = await device.load(model, weights)
    return { run, close: device.close }
  }
  const executable = {
    ...lower(model, target, target === 'cuda' ? { constants: weights } : {}),
    target: 'cpu' as const,
  }
  const { run, close } = await openSession(executable, { threads: 1 })
  return { run: (feeds: Values, symbols: Symbols) => run({ ...weights, ...feeds }, symbols), close }
}

async function run(base: Base, target: Target, batches: readonly RawBatch[]) {
  const { run, close } = await openAs(base, target)
  try {
    const results: Record<string, Float32Array>[] = []
    for (const batch of batches) {
      const { feeds, symbols } = feedsOf(batch)
      results.push((await run(feeds, symbols)) as Record<string, Float32Array>)
    }
    return results
  } finally {
    await close()
  }
}

interface Meta {
  loss_float64: { a: number; b: number }
  loss_masked_labels_float64: number
}

/** A folder of the model as transformers 5 saves it again. */
function savedByTransformers5(name: string): Promise<Base> {
  const dir = copied(parity(name))
  cpSync(parity(`${name}/config.transformers5.json`), `${dir}/config.json`)
  return loadBase(dir)
}

/** What transformers 5 saves again is the same model: a GPU has seen it then. */
const bases: Record<string, { name: string; base: () => Promise<Base>; again?: true }> = {
  'a T5 of version 1.0 (relu, tied head)': { name: 'tiny-t5', base: tinyT5 },
  'the same, saved by transformers 5': { name: 'tiny-t5', base: () => savedByTransformers5('tiny-t5'), again: true },
  'a FLAN-T5 (gated gelu, own head)': { name: 'tiny-flan', base: tinyFlan },
  'the same FLAN-T5, saved by transformers 5': {
    name: 'tiny-flan',
    base: () => savedByTransformers5('tiny-flan'),
    again: true,
  },
}

describe.each(Object.entries(bases))('%s', (_, { name, base, again }) => {
  test.each(['cpu', 'cuda', ...(softwareVulkan && !again ? ['webgpu' as const] : [])] as const)(
    'computes the logits, hidden states, losses and gradients of transformers, lowered for %s',
    async (target) => {
      const loaded = await base()
      const expected = await reference(`base/${name}/reference.safetensors`)
      const meta = json<Meta>(`base/${name}/meta.json`)
      const masked = { ...inputs.a, labels: inputs.a_labels_masked }
      const [a, b, ignoring] = await run(loaded, target, [inputs.a, inputs.b, masked])

      const seen = new Set<string>()
      for (const [key, { data }] of expected) {
        const [, batch, result] = /^(a|b|grad)\.(.*)$/.exec(key) ?? []
        if (batch === 'grad') expectGradient(a[key], data, key)
        else expectNear((batch === 'a' ? a : b)[result], data, LIMITS.logits, key)
        seen.add(key)
      }
      for (const tensor of baseTensors(loaded.t5)) expect(seen).toContain(`grad.${tensor.name}`)
      for (const key of ['a.logits', 'b.logits', 'a.encoder_block.2', 'a.decoder_block.1']) expect(seen).toContain(key)

      expectNear(a.loss, [meta.loss_float64.a], LIMITS.loss, 'loss of a')
      expectNear(b.loss, [meta.loss_float64.b], LIMITS.loss, 'loss of b')
      expectNear(ignoring.loss, [meta.loss_masked_labels_float64], LIMITS.loss, 'loss with labels that do not count')
    },
  )
})

test('a head of its own and scaled outputs go together as well', async () => {
  const flan = await tinyFlan()
  const scaled = { ...flan, t5: { ...flan.t5, scaleDecoderOutputs: true } }
  const [{ logits: plain }] = await run(flan, 'cpu', [inputs.a])
  const [{ logits: small }] = await run(scaled, 'cpu', [inputs.a])
  const factor = flan.t5.dModel ** -0.5
  expectNear(
    small,
    plain.map((x) => x * factor),
    LIMITS.logits,
    'logits',
  )
})

test.each([
  ['the whole model with its gradients', async () => wholeModel((await tinyFlan()).t5)],
  ['a classifier', async () => classifierProgram((await tinyT5()).t5, { method: 'full' }, 2)],
] as const)('%s, lowered for webgpu, has none of the fused products of the CPU', async (_, made) => {
  const whole = await made()
  const [cpu, webgpu] = (['cpu', 'webgpu'] as const).map((target) => Buffer.from(lower(whole, target).model))
  expect(cpu.includes('FusedMatMul')).toBe(true)
  expect(webgpu.includes('FusedMatMul')).toBe(false)
  // What is left is the import of the operator set; no node is of it.
  expect(webgpu.toString('latin1').split('com.microsoft')).toHaveLength(2)
})

test('the classifier gives the logits of its words alone, at the first step of the decoder', async () => {
  const { t5: config, tensors } = await tinyT5()
  const words = [65, 41, 383]
  const session = await openSession(lower(classifierProgram(config, { method: 'full' }, words.length), 'cpu'), {
    threads: 1,
  })
  const { feeds, symbols } = feedsOf(inputs.a)
  const { scores } = await session.run(
    {
      ...Object.fromEntries(tensors),
      ...feeds,
      decoder_input_ids: new Int32Array(symbols.batch),
      words: Int32Array.from(words),
    },
    symbols,
  )
  await session.close()
  const expected = (await reference('base/tiny-t5/reference.safetensors')).get('a.logits')!
  const rows = inputs.a.labels.flatMap((_, row) =>
    words.map((word) => expected.data[row * TARGET * config.vocabSize + word]),
  )
  expectNear(scores as Float32Array, rows, LIMITS.logits, 'scores')
})
