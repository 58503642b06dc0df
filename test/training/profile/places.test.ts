import { describe, expect, test } from 'vitest'
import type { Program } from '../../../graph/program.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import type { Model } from '../../../model/architecture.ts'
import { modelOf } from '../../../model/architectures.ts'
import { parseMethod } from '../../../model/methods/registry.ts'
import { layersOf, type Place, placeOf } from '../../../training/profile/places.ts'
import { makeDropoutMasks } from '../../../training/step/dropout.ts'
import { gradientProgram } from '../../../training/step/gradient-program.ts'
import { adamWProgram } from '../../../training/step/optimizer.ts'
import { tinyFlan, tinyT5 } from '../../checkpoint/helpers.ts'

/** Returns the layer of a tensor by its name only. */
const expectedLayer = (tensor: string, layers: readonly string[]): string | undefined =>
  layers.find((layer) => tensor.startsWith(layer.replace(/\.(SelfAttention|EncDecAttention|DenseReluDense)$/, '.')))

const placesIn = (program: Program) => new Map(program.nodes.map((node) => [node, placeOf(node)]))

/** Counts the ops in a place. */
function countOps(program: Program, places: Map<Tensor, Place>, { phase, layer }: Place): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const [node, place] of places) {
    if (place.phase !== phase || place.layer !== layer || ['input', 'constant'].includes(node.op.name)) continue
    counts[node.op.name] = (counts[node.op.name] ?? 0) + 1
  }
  expect(Object.keys(counts).length, `${program.name}, ${phase}, ${layer}`).toBeGreaterThan(0)
  return counts
}

describe.each([
  ['LoRA', { method: 'lora' }, tinyT5, 'labels', 0],
  ['LoRA with dropout over the vocabulary, gated and untied', { method: 'lora' }, tinyFlan, 'vocabulary', 0.1],
  [
    'a bottleneck that reads the sum',
    { method: 'bottleneck', variant: 'seq_bn', cross_attention: true },
    tinyT5,
    'vocabulary',
    0,
  ],
  ['a soft prompt', { method: 'soft-prompt' }, tinyFlan, 'labels', 0],
  ['full fine-tuning with dropout', { method: 'full' }, tinyT5, 'labels', 0.1],
] as const)('%s', (_, fields, base, loss, rate) => {
  const makePlaces = async (): Promise<{ model: Model; program: Program; places: Map<Tensor, Place> }> => {
    const model = modelOf(await base())
    const dropout = rate > 0 ? makeDropoutMasks(rate, 512) : undefined
    const program = gradientProgram(model, parseMethod(fields), model.objective(loss, [0, 1]), { dropout })
    return { model, program, places: placesIn(program) }
  }

  test('every node has a place, and a forward node that reads a tensor of a layer belongs to that layer', async () => {
    const { model, program, places } = await makePlaces()
    const layers = layersOf(model)
    const seen = new Set<string>()
    for (const node of program.nodes) {
      const place = places.get(node)
      expect(layers).toContain(place?.layer)
      if (place?.phase !== 'forward') continue
      for (const { op, attributes } of node.inputs) {
        const layer = op.name === 'input' ? expectedLayer(attributes.name, layers) : undefined
        if (!layer) continue
        seen.add(layer)
        expect(place.layer, `${node.op.name} of ${attributes.name}`).toBe(layer)
      }
    }
    expect([...seen].sort()).toEqual(layers.filter((layer) => layer.includes('coder')).sort())
  })

  test('a gradient belongs to the backward phase of the layer of its tensor', async () => {
    const { model, program, places } = await makePlaces()
    const layers = layersOf(model)
    const grads = Object.entries(program.outputs).filter(([name]) => name.startsWith('grad.'))
    for (const [name, node] of grads) {
      const tensor = name.slice('grad.'.length)
      const layer = expectedLayer(tensor, layers) ?? { 'lm_head.weight': 'head' }[tensor] ?? 'embedding'
      // The gradient of a shared matrix is a sum over its readers, which the last of them completes.
      expect(places.get(node), name).toEqual({ phase: 'backward', layer })
    }
    expect(places.get(program.outputs.loss)).toEqual({ phase: 'forward', layer: 'loss' })
  })

  test('blocks of the same shape have the same ops, forward and backward', async () => {
    const { model, program, places } = await makePlaces()
    const layersOfBlock = (stack: string, block: number) =>
      layersOf(model).filter((name) => name.startsWith(`${stack}.block.${block}.`))
    // The first block is left out, because it also has the position bias of the stack.
    expect(model.layers.filter((name) => /^encoder.*SelfAttention$/.test(name)).length).toBeGreaterThan(2)
    const pairs = layersOfBlock('encoder', 1).map((layer, i) => [layer, layersOfBlock('encoder', 2)[i]])
    for (const [one, other] of pairs) {
      expect(countOps(program, places, { phase: 'forward', layer: one })).toEqual(
        countOps(program, places, { phase: 'forward', layer: other }),
      )
      const [first, last] = [one, other].map((layer) => countOps(program, places, { phase: 'backward', layer }))
      // If the position bias is trained, its gradient is a sum over all blocks, which starts with the last one.
      const sums = fields.method === 'full' && one.endsWith('SelfAttention') ? 1 : 0
      expect(first, one).toEqual({ ...last, add: last.add + sums })
      expect(countOps(program, places, { phase: 'forward', layer: one }).rmsNorm).toBe(1)
    }
    const attention = layersOf(model).filter((layer) => layer.endsWith('SelfAttention'))
    for (const layer of attention) expect(countOps(program, places, { phase: 'forward', layer }).attention).toBe(1)
  })

  test('the head computes the logits, and the loss follows it', async () => {
    const { program, places } = await makePlaces()
    expect(countOps(program, places, { phase: 'forward', layer: 'head' }).matmul).toBe(1)
    expect(countOps(program, places, { phase: 'forward', layer: 'loss' })).toMatchObject({
      crossEntropy: 1,
      reduceSum: 1,
    })
    expect(countOps(program, places, { phase: 'backward', layer: 'loss' }).softmax).toBe(1)
  })
})

test('the optimizer is its own place', () => {
  const program = adamWProgram()
  const all = [...placesIn(program).values()]
  expect(all).toHaveLength(program.nodes.length)
  expect(new Set(all.map(({ phase, layer }) => `${phase} ${layer}`))).toEqual(new Set(['optimizer optimizer']))
})
