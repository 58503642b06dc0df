import { describe, expect, test } from 'vitest'
import type { Program } from '../../../graph/program.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import { parseMethod } from '../../../model/methods/registry.ts'
import type { T5Config } from '../../../model/t5/config.ts'
import { layersOf, type Place, placeOf } from '../../../training/profile/places.ts'
import { dropoutSites } from '../../../training/step/dropout.ts'
import { gradientProgram } from '../../../training/step/gradient-program.ts'
import { adamWProgram } from '../../../training/step/optimizer.ts'
import { tinyFlan, tinyT5 } from '../../checkpoint/helpers.ts'

const labels = { target: 1, words: 2 }
const vocabulary = { target: 2 }

/** Checked by names alone, for a layer is told by what its tensors are called. */
const expectedLayer = (tensor: string, layers: readonly string[]): string | undefined =>
  layers.find((layer) => tensor.startsWith(layer.replace(/\.(SelfAttention|EncDecAttention|DenseReluDense)$/, '.')))

const placesIn = (program: Program) => new Map(program.nodes.map((node) => [node, placeOf(node)]))

/** How often each op occurs in a place. */
function opsIn(program: Program, places: Map<Tensor, Place>, { phase, layer }: Place): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const [node, place] of places) {
    if (place.phase !== phase || place.layer !== layer || ['input', 'constant'].includes(node.op.name)) continue
    counts[node.op.name] = (counts[node.op.name] ?? 0) + 1
  }
  expect(Object.keys(counts).length, `${program.name}, ${phase}, ${layer}`).toBeGreaterThan(0)
  return counts
}

describe.each([
  ['LoRA', { method: 'lora' }, tinyT5, labels, 0],
  ['LoRA with dropout over the vocabulary, gated and untied', { method: 'lora' }, tinyFlan, vocabulary, 0.1],
  [
    'a bottleneck that reads the sum',
    { method: 'bottleneck', variant: 'seq_bn', cross_attention: true },
    tinyT5,
    vocabulary,
    0,
  ],
  ['a soft prompt', { method: 'soft-prompt' }, tinyFlan, labels, 0],
  ['full fine-tuning with dropout', { method: 'full' }, tinyT5, labels, 0.1],
] as const)('%s', (_, fields, base, objective, rate) => {
  const placed = async (): Promise<{ t5: T5Config; program: Program; places: Map<Tensor, Place> }> => {
    const { t5 } = await base()
    const dropout = rate > 0 ? dropoutSites(rate, 512) : undefined
    const program = gradientProgram(t5, parseMethod(fields), objective, { dropout })
    return { t5, program, places: placesIn(program) }
  }

  test('every node has a place, and what reads a tensor of a layer going forward is of that layer', async () => {
    const { t5, program, places } = await placed()
    const layers = layersOf(t5)
    const met = new Set<string>()
    for (const node of program.nodes) {
      const place = places.get(node)
      expect(layers).toContain(place?.layer)
      if (place?.phase !== 'forward') continue
      for (const { op, attributes } of node.inputs) {
        const layer = op.name === 'input' ? expectedLayer(attributes.name, layers) : undefined
        if (!layer) continue
        met.add(layer)
        expect(place.layer, `${node.op.name} of ${attributes.name}`).toBe(layer)
      }
    }
    expect([...met].sort()).toEqual(layers.filter((layer) => layer.includes('coder')).sort())
  })

  test('a gradient belongs to the layer of its tensor, backward', async () => {
    const { t5, program, places } = await placed()
    const layers = layersOf(t5)
    const grads = Object.entries(program.outputs).filter(([name]) => name.startsWith('grad.'))
    for (const [name, node] of grads) {
      const tensor = name.slice('grad.'.length)
      const layer = expectedLayer(tensor, layers) ?? { 'lm_head.weight': 'head' }[tensor] ?? 'embedding'
      // The sum over all readers of a shared matrix is made where the last of them is met.
      expect(places.get(node), name).toEqual({ phase: 'backward', layer })
    }
    expect(places.get(program.outputs.loss)).toEqual({ phase: 'forward', layer: 'loss' })
  })

  test('blocks that are alike have the same work, forward and backward', async () => {
    const { t5, program, places } = await placed()
    const alike = (stack: string, block: number) =>
      layersOf(t5).filter((name) => name.startsWith(`${stack}.block.${block}.`))
    // The first block has the stack's position bias, too.
    expect(t5.numLayers).toBeGreaterThan(2)
    const pairs = alike('encoder', 1).map((layer, i) => [layer, alike('encoder', 2)[i]])
    for (const [one, other] of pairs) {
      expect(opsIn(program, places, { phase: 'forward', layer: one })).toEqual(
        opsIn(program, places, { phase: 'forward', layer: other }),
      )
      const [first, last] = [one, other].map((layer) => opsIn(program, places, { phase: 'backward', layer }))
      // The gradient of the position bias, where that is trained, is a sum over all blocks, which begins with the last.
      const sums = fields.method === 'full' && one.endsWith('SelfAttention') ? 1 : 0
      expect(first, one).toEqual({ ...last, add: last.add + sums })
      expect(opsIn(program, places, { phase: 'forward', layer: one }).rmsNorm).toBe(1)
    }
    const attention = layersOf(t5).filter((layer) => layer.endsWith('SelfAttention'))
    for (const layer of attention) expect(opsIn(program, places, { phase: 'forward', layer }).attention).toBe(1)
  })

  test('the head makes the scores, and the loss comes after it', async () => {
    const { program, places } = await placed()
    expect(opsIn(program, places, { phase: 'forward', layer: 'head' }).matmul).toBe(1)
    expect(opsIn(program, places, { phase: 'forward', layer: 'loss' })).toMatchObject({ crossEntropy: 1, reduceSum: 1 })
    expect(opsIn(program, places, { phase: 'backward', layer: 'loss' }).softmax).toBe(1)
  })
})

test('the optimizer is a place of its own', () => {
  const program = adamWProgram()
  const all = [...placesIn(program).values()]
  expect(all).toHaveLength(program.nodes.length)
  expect(new Set(all.map(({ phase, layer }) => `${phase} ${layer}`))).toEqual(new Set(['optimizer optimizer']))
})
