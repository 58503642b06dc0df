import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadAdapter, saveAdapter, tensorNamesOf } from '../../checkpoint/adapter.ts'
import type { Base } from '../../checkpoint/base.ts'
import { readTensorFile } from '../../checkpoint/read-tensors.ts'
import { makeRandom, type Random } from '../../core/random.ts'
import type { MethodConfig } from '../../model/methods/registry.ts'
import { probe } from '../../training/probe.ts'
import {
  editTensors,
  expectError,
  freshPath,
  parityPath,
  randomAdapter,
  tinyFlan,
  tinyT5,
} from '../checkpoint/helpers.ts'
import {
  inLibrary,
  type Library,
  type LibraryNumbers,
  largestDifference,
  runPython,
  TOLERANCE,
  without,
} from './libraries.ts'

const { a, b, a_labels_masked } = JSON.parse(readFileSync(parityPath('inputs.json'), 'utf8'))
/** Rows of several lengths, some with masked labels, and one row of 300 tokens. */
const batches = { a, b, masked: { ...a, labels: a_labels_masked } }
const inputs = freshPath('inputs.json')
mkdirSync(dirname(inputs), { recursive: true })
writeFileSync(inputs, JSON.stringify(batches))

const CONFIGURATIONS = 10

/** Draws settings of a method. */
type Draw = (draw: Draws) => MethodConfig

interface Draws extends Pick<Random, 'integer'> {
  pick<T>(items: readonly T[]): T
  /** Some of the items, at least one, in any order. */
  some<T>(items: readonly T[]): T[]
  flip(): boolean
}

function makeDraws(purpose: string): Draws {
  const { integer, shuffle } = makeRandom(0, purpose)
  return {
    integer,
    pick: (items) => items[integer(items.length)],
    some: (items) => shuffle([...items]).slice(0, 1 + integer(items.length)),
    flip: () => integer(2) === 1,
  }
}

const LINEARS = [
  'q',
  'k',
  'v',
  'o',
  'wo',
  'SelfAttention.q',
  'EncDecAttention.o',
  'encoder.block.1.layer.0.SelfAttention.v',
]

const lora = ({ integer, some, flip, pick }: Draws): MethodConfig => ({
  method: 'lora',
  rank: 1 + integer(8),
  alpha: pick([1, 2.5, 8, 16]),
  targets: some(LINEARS),
  rslora: flip(),
  dora: flip(),
  ...(flip() && { ranks: { 'SelfAttention.q': 1 + integer(4), q: 2 }, alphas: { v: 3.5 } }),
})

const softPrompt = ({ integer, pick }: Draws): MethodConfig => ({
  method: 'soft-prompt',
  tokens: 1 + integer(20),
  init: 'normal',
  submodules: pick([1, 2]),
})

/** The methods of each layout, with settings that its library can have. */
const methods: [library: Library, layout: string, name: string, draw: Draw][] = [
  ['peft', 'peft', 'LoRA', lora],
  [
    'peft',
    'peft',
    'IA3',
    ({ some, flip }) => {
      const targets = some(['q', 'k', 'v', 'o', 'wo'])
      return { method: 'ia3', targets, feedforward: flip() ? targets.filter((target) => target === 'wo') : [] }
    },
  ],
  ['peft', 'peft', 'a prefix', ({ integer }) => ({ method: 'prefix', tokens: 1 + integer(12) })],
  ['peft', 'peft', 'a soft prompt', softPrompt],
  ...(['adapterhub', 'adapterhub-bin'] as const).flatMap((layout): (typeof methods)[number][] => [
    [
      'adapterhub',
      layout,
      'LoRA',
      ({ integer, some, pick }) => ({
        method: 'lora',
        rank: 1 + integer(8),
        alpha: pick([1, 2.5, 16]),
        targets: some(['q', 'k', 'v']),
      }),
    ],
    [
      'adapterhub',
      layout,
      'a bottleneck',
      ({ pick, flip }) => ({
        method: 'bottleneck',
        variant: pick(['seq_bn', 'double_seq_bn', 'par_bn']),
        bottleneck: pick([1, 2, 4, 8, 16]),
        activation: pick(['relu', 'gelu', 'silu']),
        cross_attention: flip(),
        ...(flip() && { scaling: pick([0.5, 2, 7]) }),
      }),
    ],
  ]),
  [
    'opendelta',
    'opendelta',
    'LoRA',
    ({ integer, some, pick }) => ({
      method: 'lora',
      rank: 1 + integer(8),
      alpha: pick([1, 2, 16]),
      targets: some(['q', 'k', 'v', 'o', 'wo', 'SelfAttention.q']),
    }),
  ],
  [
    'opendelta',
    'opendelta',
    'an adapter',
    ({ integer, some, flip }) => ({
      method: 'bottleneck',
      variant: 'opendelta',
      bottleneck: 1 + integer(12),
      ...(flip() && {
        targets: some(['SelfAttention.o', 'EncDecAttention.o', 'DenseReluDense.wo', 'SelfAttention.q']),
      }),
    }),
  ],
  [
    'opendelta',
    'opendelta',
    'a soft prompt',
    ({ integer }) => ({ method: 'soft-prompt', tokens: 1 + integer(20), init: 'normal', submodules: 1 }),
  ],
]

const bases = [await tinyT5(), await tinyFlan()]
const plain = await Promise.all(bases.map((base) => probe(base, undefined, batches, inputs)))

describe.each(methods)(`%s, %s: %s`, (library, layout, name, draw) => {
  const why = without(library)

  test.skipIf(why)(`${CONFIGURATIONS} drawn configurations compute the same in the library${why}`, async () => {
    const draws = makeDraws(`${layout} ${name}`)
    const drawn = Array.from({ length: CONFIGURATIONS }, (_, i) => ({
      index: i % bases.length,
      config: draw(draws),
      dir: freshPath('drawn'),
    }))
    for (const { index, config, dir } of drawn)
      await saveAdapter(dir, { ...randomAdapter(config, bases[index], 0.1), layout }, bases[index])
    for (const [index, base] of bases.entries()) {
      const own = drawn.filter((one) => one.index === index)
      const theirs = await inLibrary(
        library,
        base.dir,
        inputs,
        own.map(({ dir }) => dir),
      )
      for (const { dir, config } of own) await expectSameNumbers(base, index, dir, theirs[dir], JSON.stringify(config))
    }
  })
})

async function expectSameNumbers(base: Base, index: number, dir: string, theirs: LibraryNumbers, what: string) {
  const ours = await probe(base, await loadAdapter(dir, base), batches, inputs)
  expect(Object.keys(theirs)).toEqual(Object.keys(batches))
  for (const [batch, { logits, loss }] of Object.entries(theirs)) {
    const mine = ours.get(`${batch}.logits`)?.data ?? []
    const scale = Math.max(1, ...Array.from(mine, Math.abs))
    expect(largestDifference(mine, logits.flat(2)), `${what} ${batch}`).toBeLessThan(TOLERANCE.logits * scale)
    const difference = Math.abs((ours.get(`${batch}.loss`)?.data[0] ?? Number.NaN) - loss)
    expect(difference, `${what} ${batch}`).toBeLessThan(TOLERANCE.loss * scale)
    // Two libraries that both ignore the adapter would also agree.
    const unadapted = plain[index].get(`${batch}.logits`)?.data ?? []
    expect(largestDifference(mine, unadapted), `${what} ${batch}`).toBeGreaterThan(1000 * TOLERANCE.logits)
  }
}

const LOAD = `import json, sys, torch
state = torch.load(sys.argv[1], weights_only=True)
print(json.dumps({name: [list(t.shape), t.flatten().tolist()] for name, t in state.items()}))`

test.skipIf(without('peft'))(`the real torch reads the pickles that Graft writes${without('peft')}`, async () => {
  const [base] = bases
  const dir = freshPath('opendelta')
  const saved = await saveAdapter(dir, { ...randomAdapter({ method: 'lora' }, base), layout: 'opendelta' }, base)
  const printed = await runPython('peft', ['-c', LOAD, join(dir, 'pytorch_model.bin')])
  const read = JSON.parse(printed) as Record<string, [shape: number[], numbers: number[]]>
  const names = tensorNamesOf(saved, base)
  expect(Object.keys(read)).toEqual([...names.values()])
  for (const [parameter, name] of names) expect(Float32Array.from(read[name][1])).toEqual(saved.values.get(parameter))
  expect(read['encoder.block.0.layer.0.SelfAttention.q.lora.lora_A'][0]).toEqual([8, 32])
})

describe('Graft', () => {
  const folders: [what: string, config: MethodConfig, size: number][] = [
    [
      'a LoRA',
      { method: 'lora', rank: 4, alpha: 10, targets: ['q', 'v', 'wi', 'EncDecAttention.o'], rslora: true },
      0.1,
    ],
    ['a DoRA', { method: 'lora', rank: 3, dora: true, targets: ['k', 'v', 'wo', 'SelfAttention.o'] }, 0.1],
    ['an IA3', { method: 'ia3', targets: ['k', 'v', 'wi', 'wo'], feedforward: ['wo'] }, 0.3],
    ['a prefix', { method: 'prefix', tokens: 6 }, 0.5],
    ['a soft prompt', { method: 'soft-prompt', tokens: 7 }, 0.5],
  ]
  const [base] = bases

  test.each(folders)('rejects %s of PEFT with one renamed tensor, and names the tensor', async (_, config, size) => {
    const dir = freshPath('renamed')
    await saveAdapter(dir, randomAdapter(config, base, size), base)
    // PEFT writes no graft.json, which has the digest of the file.
    rmSync(join(dir, 'graft.json'))
    await expect(loadAdapter(dir, base)).resolves.toBeDefined()
    const path = join(dir, 'adapter_model.safetensors')
    const [name, tensor] = [...(await readTensorFile(path)).tensors][0]
    await editTensors(path, (tensors) => {
      tensors.delete(name)
      tensors.set(`${name}_old`, tensor)
    })
    await expectError(loadAdapter(dir, base), 'checkpoint_tensors', `${name} [`, `${name}_old [`)
  })
})
