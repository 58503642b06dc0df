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
import { buildProgram, type Program } from '../../../graph/program.ts'
import { openDevice } from '../../../graph/runtime/device.ts'
import { openSession, type Values } from '../../../graph/runtime/session.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import type { Symbols } from '../../../graph/types.ts'
import { modelOf } from '../../../model/architectures.ts'
import { applyMethod, classifierProgram } from '../../../model/programs.ts'
import type { T5Config } from '../../../model/t5/config.ts'
import { batchInputs, logits, t5 } from '../../../model/t5/t5.ts'
import { copyFolder, parityPath, tinyFlan, tinyT5 } from '../../checkpoint/helpers.ts'
import { softwareVulkan } from '../../software-vulkan.ts'
import { keepDeviceWarm } from '../../warm-device.ts'
import {
  expectGradient,
  expectNear,
  inputs,
  type RawBatch,
  readJson,
  readReference,
  TOLERANCES,
} from '../references.ts'

keepDeviceWarm()

const TARGET = 2

/** Returns a forward and backward pass with logits, loss, hidden states after each block, and all gradients. */
function trainingProgram(config: T5Config): Program {
  const { context, trained } = applyMethod(modelOf({ config }), { method: 'full' })
  const blocks: Record<string, Tensor> = {}
  const output: typeof context.edits.output = (layer, h, f) => {
    const [, stack, block] = /^(encoder|decoder)\.block\.(\d+)/.exec(layer.name) ?? []
    if (layer.kind === 'feedForward') blocks[`${stack}_block.${block}`] = add(h, f)
    return context.edits.output(layer, h, f)
  }
  const watched = { ...context, t5: config, edits: { ...context.edits, output } }
  const { encoder, decoder } = t5(batchInputs(TARGET), watched)
  const predicted = logits(decoder, watched) // [B, T, V]
  const rows = crossEntropy(
    reshape(predicted, [`${TARGET}*batch`, config.vocabSize]),
    input('labels', 'i32', ['2*batch']),
  )
  const loss = reduceSum(mul(rows, input('label_weights', 'f32', ['2*batch'])))
  const grads = gradients(loss, [...trained.values()])
  return buildProgram('full model', {
    loss,
    logits: predicted,
    encoder_last_hidden_state: encoder,
    ...blocks,
    ...Object.fromEntries([...trained.keys()].map((name, i) => [`grad.${name}`, grads[i]])),
  })
}

/**
 * Returns the batch as the library expects it: decoder inputs are the labels, shifted right, and labels of -100 do not
 * count.
 */
function feedsOf({ input_ids, attention_mask, labels }: RawBatch) {
  const toToken = (label: number) => Math.max(label, 0)
  const counted = labels.flat().filter((label) => label >= 0).length
  return {
    symbols: { batch: input_ids.length, source: input_ids[0].length },
    feeds: {
      input_ids: Int32Array.from(input_ids.flat()),
      attention_mask: Float32Array.from(attention_mask.flat()),
      decoder_input_ids: Int32Array.from(labels.flatMap((row) => [0, toToken(row[0])])),
      labels: Int32Array.from(labels.flat(), toToken),
      label_weights: Float32Array.from(labels.flat(), (label) => (label < 0 ? 0 : 1 / counted)),
    },
  }
}

/** Opens the model as lowered for a target. The CPU runs what CUDA would get: plain ONNX that contains the weights. */
async function openTarget({ config, tensors }: Base, target: Target) {
  const [model, weights] = [trainingProgram(config as T5Config), Object.fromEntries(tensors)]
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
  const { run, close } = await openTarget(base, target)
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

/** Loads the model as transformers 5 saves it. */
function loadAsTransformers5(name: string): Promise<Base> {
  const dir = copyFolder(parityPath(name))
  cpSync(parityPath(`${name}/config.transformers5.json`), `${dir}/config.json`)
  return loadBase(dir)
}

/** `isCopy`: the same model as another one, so that a GPU need not run it again. */
const bases: Record<string, { name: string; base: () => Promise<Base>; isCopy?: true }> = {
  'a T5 of version 1.0 (relu, tied head)': { name: 'tiny-t5', base: tinyT5 },
  'the same T5, saved by transformers 5': { name: 'tiny-t5', base: () => loadAsTransformers5('tiny-t5'), isCopy: true },
  'a FLAN-T5 (gated gelu, separate head)': { name: 'tiny-flan', base: tinyFlan },
  'the same FLAN-T5, saved by transformers 5': {
    name: 'tiny-flan',
    base: () => loadAsTransformers5('tiny-flan'),
    isCopy: true,
  },
}

describe.each(Object.entries(bases))('%s', (_, { name, base, isCopy }) => {
  test.each(['cpu', 'cuda', ...(softwareVulkan && !isCopy ? ['webgpu' as const] : [])] as const)(
    'computes the same logits, hidden states, losses and gradients as transformers when lowered for %s',
    async (target) => {
      const loaded = await base()
      const expected = await readReference(`base/${name}/reference.safetensors`)
      const meta = readJson<Meta>(`base/${name}/meta.json`)
      const masked = { ...inputs.a, labels: inputs.a_labels_masked }
      const [a, b, ignoring] = await run(loaded, target, [inputs.a, inputs.b, masked])

      const seen = new Set<string>()
      for (const [key, { data }] of expected) {
        const [, batch, result] = /^(a|b|grad)\.(.*)$/.exec(key) ?? []
        if (batch === 'grad') expectGradient(a[key], data, key)
        else expectNear((batch === 'a' ? a : b)[result], data, TOLERANCES.logits, key)
        seen.add(key)
      }
      for (const tensor of modelOf(loaded).tensors) expect(seen).toContain(`grad.${tensor.name}`)
      for (const key of ['a.logits', 'b.logits', 'a.encoder_block.2', 'a.decoder_block.1']) expect(seen).toContain(key)

      expectNear(a.loss, [meta.loss_float64.a], TOLERANCES.loss, 'loss of a')
      expectNear(b.loss, [meta.loss_float64.b], TOLERANCES.loss, 'loss of b')
      expectNear(
        ignoring.loss,
        [meta.loss_masked_labels_float64],
        TOLERANCES.loss,
        'loss with labels that do not count',
      )
    },
  )
})

test('a separate head can be combined with scaled outputs', async () => {
  const flan = await tinyFlan()
  const scaled = { ...flan, config: { ...flan.config, scaleDecoderOutputs: true } as T5Config }
  const [{ logits: plain }] = await run(flan, 'cpu', [inputs.a])
  const [{ logits: small }] = await run(scaled, 'cpu', [inputs.a])
  const factor = modelOf(flan).width ** -0.5
  expectNear(
    small,
    plain.map((x) => x * factor),
    TOLERANCES.logits,
    'logits',
  )
})

test.each([
  ['the full model with its gradients', async () => trainingProgram((await tinyFlan()).config as T5Config)],
  ['a classifier', async () => classifierProgram(modelOf(await tinyT5()), { method: 'full' }, 2)],
] as const)('%s has no fused matrix products of the CPU when lowered for webgpu', async (_, build) => {
  const program = await build()
  const [cpu, webgpu] = (['cpu', 'webgpu'] as const).map((target) => Buffer.from(lower(program, target).model))
  expect(cpu.includes('FusedMatMul')).toBe(true)
  expect(webgpu.includes('FusedMatMul')).toBe(false)
  // Only the import of the operator set remains; no node uses it.
  expect(webgpu.toString('latin1').split('com.microsoft')).toHaveLength(2)
})

test('the classifier returns the logits of only its words, at the first decoder step', async () => {
  const { config, tensors } = await tinyT5()
  const words = [65, 41, 383]
  const session = await openSession(
    lower(classifierProgram(modelOf({ config }), { method: 'full' }, words.length), 'cpu'),
    {
      threads: 1,
    },
  )
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
  const expected = (await readReference('base/tiny-t5/reference.safetensors')).get('a.logits')!
  const rows = inputs.a.labels.flatMap((_, row) =>
    words.map((word) => expected.data[row * TARGET * modelOf({ config }).vocabSize + word]),
  )
  expectNear(scores as Float32Array, rows, TOLERANCES.logits, 'scores')
})
