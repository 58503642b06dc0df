import { expect, test } from 'vitest'
import { toMixedPrecision } from '../../graph/mixed-precision.ts'
import { lower } from '../../graph/onnx/lower.ts'
import { cast } from '../../graph/ops/elementwise.ts'
import { input } from '../../graph/ops/leaf.ts'
import { buildProgram, substitute } from '../../graph/program.ts'
import { openSession } from '../../graph/runtime/session.ts'
import { modelOf } from '../../model/architectures.ts'
import { padBatch } from '../../model/batch.ts'
import { parametersOf, parseMethod } from '../../model/methods/registry.ts'
import { gradientProgram } from '../../training/step/gradient-program.ts'
import { tinyT5 } from '../checkpoint/helpers.ts'

const method = parseMethod({ method: 'lora' })

async function model() {
  const { config, tensors } = await tinyT5()
  const model = modelOf({ config })
  const target = model.objective('vocabulary', [41, 65])
  const random = (name: string, size: number) =>
    Float32Array.from({ length: size }, (_, i) => 0.1 * Math.sin(12.9898 * i + name.length))
  const own = parametersOf(method, model).map(({ name, shape }) => [name, random(name, shape[0] * shape[1])] as const)
  const rows = [Int32Array.of(5, 9, 33, 7, 1), Int32Array.of(8, 1)]
  const { inputIds, attentionMask, batch, source } = padBatch(rows, 0)
  const feeds = {
    ...Object.fromEntries(tensors),
    ...Object.fromEntries(own),
    input_ids: inputIds,
    attention_mask: attentionMask,
    ...target.inputs([0, 1], 2),
  }
  return { gradient: gradientProgram(model, method, target), feeds, symbols: { batch, source }, trained: own }
}

test('frozen weights that feed only matrix products become f16; norms, embeddings and results stay f32', async () => {
  const { gradient } = await model()
  const half = toMixedPrecision(gradient)
  const typeOf = (name: string) => half.inputs[name].dtype
  expect(typeOf('encoder.block.0.layer.1.DenseReluDense.wi.weight')).toBe('f16')
  expect(typeOf('encoder.block.0.layer.0.layer_norm.weight')).toBe('f32')
  expect(typeOf('shared.weight')).toBe('f32')
  expect(typeOf('label_weights')).toBe('f32')
  expect(new Set(Object.values(half.outputs).map(({ dtype }) => dtype))).toEqual(new Set(['f32']))
  const inHalf = half.nodes.filter(({ dtype }) => dtype === 'f16').map(({ op }) => op.name)
  expect(inHalf).toContain('matmul')
  for (const full of ['softmax', 'rmsNorm', 'crossEntropy', 'reduceSum']) expect(inHalf).not.toContain(full)
})

test('loss and gradients in mixed precision equal those in full precision within the accuracy of f16', async () => {
  const { gradient, feeds, symbols, trained } = await model()
  const results = []
  const mixed = toMixedPrecision(gradient)
  const casts = Object.entries(mixed.inputs)
    .filter(([, { dtype }]) => dtype === 'f16')
    .map(([name, { shape }]) => [name, cast(input(name, 'f32', shape), 'f16')])
  // ONNX Runtime's Node binding does not accept f16 inputs.
  const fedWithF32 = buildProgram('half', substitute(mixed, Object.fromEntries(casts)))
  for (const model of [gradient, fedWithF32]) {
    // The CPU computes f16 through f32, with the rounding of f16 after every op.
    const session = await openSession({ ...lower(model, 'cuda'), target: 'cpu' }, {})
    results.push(await session.run(feeds, symbols))
    await session.close()
  }
  const [full, half] = results as Record<string, Float32Array>[]
  expect(half.loss[0]).not.toBe(full.loss[0])
  expect(Math.abs(half.loss[0] - full.loss[0])).toBeLessThan(5e-3)
  for (const [name] of trained) {
    const [a, b] = [full[`grad.${name}`], half[`grad.${name}`]]
    const top = Math.max(...a.map(Math.abs))
    const worst = Math.max(...a.map((x, i) => Math.abs(x - b[i])))
    if (top > 1e-4) expect(worst / top, name).toBeLessThan(3e-2)
  }
})
