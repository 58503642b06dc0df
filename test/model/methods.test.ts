import { describe, expect, test } from 'vitest'
import type { Base } from '../../checkpoint/base.ts'
import { makeRandom } from '../../core/random.ts'
import { lower } from '../../graph/onnx/lower.ts'
import { input } from '../../graph/ops/leaf.ts'
import { buildProgram } from '../../graph/program.ts'
import type { Values } from '../../graph/runtime/session.ts'
import { openSession } from '../../graph/runtime/session.ts'
import { modelOf } from '../../model/architectures.ts'
import type { Context } from '../../model/context.ts'
import { combineEdits } from '../../model/edits.ts'
import {
  fieldsOf,
  findMethod,
  type MethodConfig,
  methods,
  needsOwnBatch,
  parametersOf,
  parseMethod,
} from '../../model/methods/registry.ts'
import { applyMethod, weightInputs } from '../../model/programs.ts'
import { sizeOfShape } from '../../model/tensor-shapes.ts'
import { expectError, tinyFlan, tinyT5, randomAdapter as trained } from '../checkpoint/helpers.ts'
import { expectNear, inputs, maxDifference } from './references.ts'

/** Each method with each setting that changes the function that it computes. */
const configurations: Record<string, MethodConfig> = {
  'LoRA on q and v': { method: 'lora' },
  'rsLoRA on every Linear': { method: 'lora', rank: 3, rslora: true, targets: ['q', 'k', 'v', 'o', 'wi', 'wo'] },
  'DoRA on every Linear': { method: 'lora', rank: 3, dora: true, targets: ['q', 'k', 'v', 'o', 'wi', 'wo'] },
  'LoRA with ranks and alphas of some Linears': {
    method: 'lora',
    ranks: { 'SelfAttention.q': 3, q: 5 },
    alphas: { v: 2 },
    targets: ['q', 'v', 'wo'],
  },
  IA3: { method: 'ia3' },
  'IA3 on outputs alone': { method: 'ia3', targets: ['q', 'k', 'v', 'o', 'wi', 'wo'], feedforward: [] },
  'a prefix': { method: 'prefix', tokens: 3 },
  seq_bn: { method: 'bottleneck', variant: 'seq_bn' },
  double_seq_bn: { method: 'bottleneck', variant: 'double_seq_bn' },
  par_bn: { method: 'bottleneck', variant: 'par_bn' },
  'a scaled par_bn also beside cross-attention': {
    method: 'bottleneck',
    variant: 'par_bn',
    cross_attention: true,
    scaling: 0.5,
  },
  'double_seq_bn with cross-attention and relu': {
    method: 'bottleneck',
    variant: 'double_seq_bn',
    cross_attention: true,
    activation: 'relu',
  },
  "OpenDelta's adapter": { method: 'bottleneck', variant: 'opendelta', bottleneck: 3 },
  "OpenDelta's adapter at some Linears": {
    method: 'bottleneck',
    variant: 'opendelta',
    bottleneck: 3,
    targets: ['SelfAttention.k', 'wi', 'EncDecAttention.o'],
  },
  'a soft prompt': { method: 'soft-prompt' },
  'a soft prompt with an unused half': { method: 'soft-prompt', tokens: 4, submodules: 2, init: 'normal' },
  'full fine-tuning': { method: 'full' },
}
const parsedConfigurations = Object.entries(configurations).map(
  ([name, config]) => [name, parseMethod(config)] as const,
)

const TOLERANCE = 2e-5
const { input_ids, attention_mask } = inputs.a
const symbols = { batch: input_ids.length, source: input_ids[0].length }
const batch = {
  input_ids: Int32Array.from(input_ids.flat()),
  attention_mask: Float32Array.from(attention_mask.flat()),
  decoder_input_ids: new Int32Array(symbols.batch),
}

async function compute(base: Base, context: Context, values: Values): Promise<Float32Array> {
  const logits = modelOf(base).generation!.logits(context, 1)
  const session = await openSession(lower(buildProgram('logits', { logits }), 'cpu'), {
    threads: 1,
  })
  const results = await session.run({ ...values, ...batch }, symbols)
  await session.close()
  return results.logits as Float32Array
}

const baseValues = (base: Base): Values => Object.fromEntries(base.tensors)

/** Computes logits as in training and in a server of one adapter: all rows share the same tensors. */
const computeShared = (base: Base, method: MethodConfig, values: ReadonlyMap<string, Float32Array>) =>
  compute(base, applyMethod(modelOf(base), method).context, { ...baseValues(base), ...Object.fromEntries(values) })

/** Computes logits as in a server of many adapters: each row has its own tensors. */
function computePerRow(base: Base, method: MethodConfig, rows: readonly ReadonlyMap<string, Float32Array>[]) {
  const { edits } = findMethod(method.method)
  const parameters = parametersOf(method, modelOf(base))
  const own = new Map(parameters.map(({ name, shape }) => [name, input(name, 'f32', ['batch', ...shape])]))
  const weights = weightInputs(modelOf(base))
  const context = {
    weight: (name: string) => weights.get(name)!,
    edits: combineEdits([edits(method, (name) => own.get(name), modelOf(base))]),
  }
  const tables = parameters.map(({ name }): [string, Float32Array] => [
    name,
    Float32Array.from(rows.flatMap((row) => [...row.get(name)!])),
  ])
  return compute(base, context, { ...baseValues(base), ...Object.fromEntries(tables) })
}

const rowOf = (values: Float32Array, row: number) => values.subarray(384 * row, 384 * (row + 1))

describe.each(parsedConfigurations)('%s', (_, method) => {
  test('has parameters with unique names, whose initial values are finite and the same for the same seed', async () => {
    const base = await tinyT5()
    const parameters = parametersOf(method, modelOf(base))
    expect(parameters.length).toBeGreaterThan(0)
    expect(new Set(parameters.map(({ name }) => name)).size).toBe(parameters.length)
    const start = () => {
      const stream = makeRandom(7, 'initial values')
      return parameters.map(({ initial }) => initial(stream, (name) => base.tensors.get(name)!))
    }
    const values = start()
    expect(values).toEqual(start())
    expect(values.map(({ length }) => length)).toEqual(parameters.map(({ shape }) => sizeOfShape(shape)))
    expect(values.every((value) => value.every(Number.isFinite))).toBe(true)
  })

  test.skipIf(needsOwnBatch(method) || method.method === 'full')(
    'gives each row of a batch the logits that it has with its adapter by itself',
    async () => {
      const base = await tinyT5()
      const { values: one } = trained(method, base)
      const other = new Map([...one].map(([name, value]) => [name, value.map((x) => 0.5 * x)]))
      const [alone, otherAlone] = [await computeShared(base, method, one), await computeShared(base, method, other)]
      const together = await computePerRow(base, method, [one, other, one])
      for (const row of [0, 2]) expectNear(rowOf(together, row), rowOf(alone, row), TOLERANCE, `row ${row}`)
      expectNear(rowOf(together, 1), rowOf(otherAlone, 1), TOLERANCE, 'row 1')
      expect(maxDifference(rowOf(alone, 1), rowOf(otherAlone, 1))).toBeGreaterThan(1e-2)
    },
  )

  test('has the same configuration when it is parsed again', () => {
    expect(parseMethod(JSON.parse(JSON.stringify(method)))).toEqual(method)
  })
})

test('every method of the registry is tested by this contract', () => {
  expect(new Set(parsedConfigurations.map(([, { method }]) => method))).toEqual(new Set(Object.keys(methods)))
  for (const [name, { name: own, learningRate }] of Object.entries(methods)) {
    expect(own).toBe(name)
    expect(learningRate).toBeGreaterThan(0)
  }
})

test('a method without settings has the documented defaults', () => {
  expect(parseMethod({ method: 'lora' })).toEqual({
    method: 'lora',
    dora: false,
    rank: 8,
    alpha: 16,
    targets: ['q', 'v'],
    rslora: false,
  })
  expect(parseMethod({ method: 'bottleneck' })).toEqual({
    method: 'bottleneck',
    bottleneck: 8,
    variant: 'seq_bn',
    cross_attention: false,
  })
  expect(parseMethod({ method: 'soft-prompt' })).toEqual({
    method: 'soft-prompt',
    tokens: 10,
    init: 'vocabulary',
    submodules: 1,
  })
  expect(parseMethod({ method: 'full' })).toEqual({ method: 'full' })
})

describe.each(Object.keys(methods))('%s', (method) => {
  const own = Object.keys(fieldsOf(method))
  const foreign = Object.keys(methods).flatMap((other) => Object.keys(fieldsOf(other)))
  const refused = [...new Set([...foreign, 'dora', 'ranks', 'constructor'])].filter((field) => !own.includes(field))

  test.each(refused)('rejects the field %s of another method by name', async (field) => {
    const parsed = async () => parseMethod({ method, [field]: 3 })
    await expectError(parsed(), 'method_invalid', `${method}, ${field}`, ...own)
  })
})

test.each([
  ['lora', 'rank', 0],
  ['lora', 'rank', 2.5],
  ['lora', 'rank', 'eight'],
  ['lora', 'rank', Number.POSITIVE_INFINITY],
  ['lora', 'alpha', 0],
  ['lora', 'targets', []],
  ['lora', 'ranks', { q: 0 }],
  ['lora', 'alphas', { q: 'high' }],
  ['lora', 'targets', 'q'],
  ['lora', 'rslora', 'yes'],
  ['bottleneck', 'bottleneck', -1],
  ['bottleneck', 'variant', 'houlsby'],
  ['bottleneck', 'activation', 'swish'],
  ['soft-prompt', 'tokens', 0],
  ['soft-prompt', 'init', 'random'],
  ['soft-prompt', 'submodules', 3],
])('%s rejects %s: %j with a message that names it', async (method, field, value) => {
  const parsed = async () => parseMethod({ method, [field]: value })
  await expectError(parsed(), 'method_invalid', `${method}, ${field}`)
})

test.each(['constructor', 'toString', '__proto__', 'LoRA', '', 7, undefined])('%j is not a method', async (method) => {
  const parsed = async () => parseMethod({ method: method as string })
  await expectError(parsed(), 'method_invalid', ...Object.keys(methods))
})

describe('the targets of LoRA', () => {
  const placesOf = async (targets: string[], base = tinyT5()) => {
    const parameters = parametersOf(parseMethod({ method: 'lora', targets }), modelOf(await base))
    return parameters.filter(({ name }) => name.endsWith('.lora_A')).map(({ name }) => name.slice(0, -'.lora_A'.length))
  }

  test('q selects the queries of every attention, SelfAttention.q those of self-attention', async () => {
    const self = [0, 1, 2].map((i) => `encoder.block.${i}.layer.0.SelfAttention.q`)
    const decoder = [0, 1].map((i) => `decoder.block.${i}.layer.0.SelfAttention.q`)
    const cross = [0, 1].map((i) => `decoder.block.${i}.layer.1.EncDecAttention.q`)
    expect(new Set(await placesOf(['SelfAttention.q']))).toEqual(new Set([...self, ...decoder]))
    expect(new Set(await placesOf(['q', 'SelfAttention.q', 'q']))).toEqual(new Set([...self, ...decoder, ...cross]))
    expect(await placesOf([cross[1]])).toEqual([cross[1]])
  })

  test.each([
    ['wq', tinyT5, 'q, k, v, o, wi, wo'],
    ['ttention.q', tinyT5, 'q, k, v, o, wi, wo'],
    ['lm_head', tinyFlan, 'q, k, v, o, wi_0, wi_1, wo'],
    ['wi', tinyFlan, 'q, k, v, o, wi_0, wi_1, wo'],
    ['shared', tinyT5, 'q, k, v, o, wi, wo'],
    ['constructor', tinyT5, 'q, k, v, o, wi, wo'],
  ] as const)(
    '%s is rejected if the base does not have it, and the available ones are listed',
    async (target, base, offered) => {
      await expectError(placesOf(['q', target], base()), 'method_invalid', target, offered)
    },
  )
})

describe('the places of bottleneck adapters', () => {
  const sub = (stack: string, blocks: number, layers: number[]) =>
    Array.from({ length: blocks }, (_, i) => layers.map((j) => `${stack}.block.${i}.layer.${j}`)).flat()
  const cases: [string, MethodConfig, string[]][] = [
    [
      'seq_bn: after each feed-forward',
      { method: 'bottleneck', variant: 'seq_bn' },
      [...sub('encoder', 3, [1]), ...sub('decoder', 2, [2])],
    ],
    [
      'double_seq_bn: after self-attention and feed-forward',
      { method: 'bottleneck', variant: 'double_seq_bn' },
      [...sub('encoder', 3, [0, 1]), ...sub('decoder', 2, [0, 2])],
    ],
    [
      'with cross_attention: after cross-attention as well',
      { method: 'bottleneck', variant: 'double_seq_bn', cross_attention: true },
      [...sub('encoder', 3, [0, 1]), ...sub('decoder', 2, [0, 1, 2])],
    ],
    [
      'OpenDelta: at the last Linear of self-attention and feed-forward',
      { method: 'bottleneck', variant: 'opendelta' },
      [...sub('encoder', 3, [0, 1]), ...sub('decoder', 2, [0, 2])].map((name) =>
        name.endsWith('layer.0') ? `${name}.SelfAttention.o` : `${name}.DenseReluDense.wo`,
      ),
    ],
  ]
  test.each(cases)('%s', async (_, config, expected) => {
    const model = modelOf(await tinyT5())
    const names = parametersOf(parseMethod(config), model).map(({ name }) => name)
    const tensors = ['down.weight', 'down.bias', 'up.weight', 'up.bias']
    expect(names).toEqual(expected.flatMap((place) => tensors.map((tensor) => `${place}.adapter_${tensor}`)))
  })
})

test("OpenDelta's adapter computes the same as double_seq_bn with gelu", async () => {
  const base = await tinyT5()
  const { method, values } = trained({ method: 'bottleneck', variant: 'opendelta' }, base)
  const houlsby = parseMethod({ method: 'bottleneck', variant: 'double_seq_bn', activation: 'gelu' })
  const names = parametersOf(houlsby, modelOf(base)).map(({ name }) => name)
  const moved = new Map([...values.values()].map((value, i) => [names[i], value]))
  expectNear(await computeShared(base, method, values), await computeShared(base, houlsby, moved), TOLERANCE, 'logits')
})

describe('initial values', () => {
  const start = async (config: MethodConfig) => {
    const base = await tinyT5()
    const method = parseMethod(config)
    const stream = makeRandom(0, 'initial values')
    return new Map(
      parametersOf(method, modelOf(base)).map(({ name, initial }) => [
        name,
        initial(stream, (tensor) => base.tensors.get(tensor)!),
      ]),
    )
  }
  const ending = (values: ReadonlyMap<string, Float32Array>, end: string) =>
    [...values].filter(([name]) => name.endsWith(end)).flatMap(([, value]) => [...value])
  const deviation = (values: readonly number[]) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length)

  test('of LoRA leave the base unchanged, with A drawn as in PEFT', async () => {
    const base = await tinyT5()
    const values = await start({ method: 'lora', rank: 16 })
    expect(ending(values, 'lora_B').every((x) => x === 0)).toBe(true)
    const a = ending(values, 'lora_A')
    const bound = 1 / Math.sqrt(modelOf(base).width)
    expect(a.every((x) => Math.abs(x) <= bound)).toBe(true)
    expect(deviation(a)).toBeCloseTo(bound / Math.sqrt(3), 2)
    const plain = await computeShared(base, { method: 'full' }, new Map())
    expect(await computeShared(base, parseMethod({ method: 'lora', rank: 16 }), values)).toEqual(plain)
  })

  test.each([
    ['seq_bn', 0.02],
    ['double_seq_bn', 0.02],
    ['opendelta', 0.01],
  ])('of the bottleneck %s are drawn as in its library', async (variant, expected) => {
    const values = await start({ method: 'bottleneck', variant, bottleneck: 32 })
    for (const part of ['down', 'up']) {
      expect(deviation(ending(values, `${part}.weight`)) / expected).toBeCloseTo(1, 1)
      expect(ending(values, `${part}.bias`).every((x) => x === 0)).toBe(true)
    }
  })

  test('of a parallel bottleneck leave the model as it is', async () => {
    const base = await tinyT5()
    const values = await start({ method: 'bottleneck', variant: 'par_bn', bottleneck: 32 })
    expect(ending(values, 'adapter_up.weight').every((x) => x === 0)).toBe(true)
    expect(deviation(ending(values, 'adapter_down.weight'))).toBeCloseTo(1 / Math.sqrt(3 * modelOf(base).width), 2)
    const method = parseMethod({ method: 'bottleneck', variant: 'par_bn', bottleneck: 32 })
    expect(await computeShared(base, method, values)).toEqual(await computeShared(base, { method: 'full' }, new Map()))
  })

  test('of a soft prompt are rows of the vocabulary, or normal', async () => {
    const base = await tinyT5()
    const width = modelOf(base).width
    const vocabulary = base.tensors.get('shared.weight')!
    const rows = (table: Float32Array) =>
      Array.from({ length: table.length / width }, (_, i) => table.subarray(i * width, (i + 1) * width).join())
    const prompt = (await start({ method: 'soft-prompt' })).get('prompt_embeddings')!
    const known = new Set(rows(vocabulary))
    expect(rows(prompt)).toHaveLength(10)
    expect(new Set(rows(prompt)).size).toBeGreaterThan(5)
    expect(rows(prompt).every((row) => known.has(row))).toBe(true)
    const normal = (await start({ method: 'soft-prompt', tokens: 100, init: 'normal' })).get('prompt_embeddings')!
    expect(deviation([...normal])).toBeCloseTo(1, 1)
  })

  test('of full fine-tuning are copies of those of the base', async () => {
    const base = await tinyT5()
    const values = await start({ method: 'full' })
    expect(values).toEqual(base.tensors)
    values.get('shared.weight')![0] += 1
    expect(values.get('shared.weight')![0]).not.toBe(base.tensors.get('shared.weight')![0])
  })
})
