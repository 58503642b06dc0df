import { describe, expect, test } from 'vitest'
import type { Base } from '../../checkpoint/base.ts'
import { random } from '../../core/random.ts'
import { lower } from '../../graph/onnx/lower.ts'
import { input } from '../../graph/ops/leaf.ts'
import { program } from '../../graph/program.ts'
import type { Values } from '../../graph/runtime/session.ts'
import { openSession } from '../../graph/runtime/session.ts'
import { combine } from '../../model/edits.ts'
import { ACTIVE } from '../../model/method.ts'
import { type MethodConfig, methodNamed, methods, parseMethod, shapeOf } from '../../model/methods/registry.ts'
import { batchInputs, tuned, weightInputs } from '../../model/programs.ts'
import { logits, t5 } from '../../model/t5/t5.ts'
import { sizeOfShape } from '../../model/t5/tensors.ts'
import { expectError, tinyFlan, tinyT5, tuned as trained } from '../checkpoint/helpers.ts'
import { distance, expectNear, inputs } from './references.ts'

/** Each method, and each of its settings that changes what it computes. */
const configurations: Record<string, MethodConfig> = {
  'LoRA on q and v': { method: 'lora' },
  'rsLoRA on every Linear': { method: 'lora', rank: 3, rslora: true, targets: ['q', 'k', 'v', 'o', 'wi', 'wo'] },
  seq_bn: { method: 'bottleneck', variant: 'seq_bn' },
  double_seq_bn: { method: 'bottleneck', variant: 'double_seq_bn' },
  'double_seq_bn with cross-attention and relu': { method: 'bottleneck', cross_attention: true, activation: 'relu' },
  "OpenDelta's adapter": { method: 'bottleneck', variant: 'opendelta', bottleneck: 3 },
  'a soft prompt': { method: 'soft-prompt' },
  'a soft prompt with an unused half': { method: 'soft-prompt', tokens: 4, submodules: 2, init: 'normal' },
  'full fine-tuning': { method: 'full' },
}
const each = Object.entries(configurations).map(([name, config]) => [name, parseMethod(config)] as const)

const LAST_DIGITS = 2e-5
const { input_ids, attention_mask } = inputs.a
const symbols = { batch: input_ids.length, source: input_ids[0].length }
const batch = {
  input_ids: Int32Array.from(input_ids.flat()),
  attention_mask: Float32Array.from(attention_mask.flat()),
  decoder_input_ids: new Int32Array(symbols.batch),
}

async function compute(context: Parameters<typeof t5>[1], values: Values): Promise<Float32Array> {
  const { decoder } = t5(batchInputs(1), context)
  const session = await openSession(lower(program('logits', { logits: logits(decoder, context) }), 'cpu'), {
    threads: 1,
  })
  const results = await session.run({ ...values, ...batch }, symbols)
  await session.close()
  return results.logits as Float32Array
}

const baseValues = (base: Base): Values => Object.fromEntries(base.tensors)

/** As training and a server of one adapter compute it: all rows have the same tensors. */
const alone = (base: Base, method: MethodConfig, values: ReadonlyMap<string, Float32Array>) =>
  compute(tuned(base.t5, method).context, { ...baseValues(base), ...Object.fromEntries(values) })

/** As a server of many adapters computes it: each row has tensors of its own, zeros in the rows that are not the method's. */
function mixed(base: Base, method: MethodConfig, values: ReadonlyMap<string, Float32Array>, active: readonly number[]) {
  const { parameters, edits } = methodNamed(method.method)
  const own = new Map(
    parameters(method, base.t5).map(({ name, shape }) => [name, input(name, 'f32', ['batch', ...shape])]),
  )
  own.set(ACTIVE, input(ACTIVE, 'f32', ['batch', 1]))
  const weights = weightInputs(base.t5)
  const context = {
    t5: base.t5,
    weight: (name: string) => weights.get(name)!,
    edits: combine([edits(method, (name) => own.get(name), base.t5)]),
  }
  const rows = [...values].map(([name, value]): [string, Float32Array] => {
    const table = new Float32Array(active.length * value.length)
    for (const [row, on] of active.entries()) if (on) table.set(value, row * value.length)
    return [name, table]
  })
  const fed = methodNamed(method.method)
    .parameters(method, base.t5)
    .some(({ name }) => base.tensors.has(name))
    ? []
    : rows
  return compute(context, { ...baseValues(base), ...Object.fromEntries(fed), [ACTIVE]: Float32Array.from(active) })
}

const rowOf = (values: Float32Array, row: number) => values.subarray(384 * row, 384 * (row + 1))

describe.each(each)('%s', (_, method) => {
  test('has parameters under names of their own, which begin finite and the same for the same seed', async () => {
    const base = await tinyT5()
    const parameters = methodNamed(method.method).parameters(method, base.t5)
    expect(parameters.length).toBeGreaterThan(0)
    expect(new Set(parameters.map(({ name }) => name)).size).toBe(parameters.length)
    const start = () => {
      const stream = random(7, 'initial values')
      return parameters.map(({ initial }) => initial(stream, (name) => base.tensors.get(name)!))
    }
    const values = start()
    expect(values).toEqual(start())
    expect(values.map(({ length }) => length)).toEqual(parameters.map(({ shape }) => sizeOfShape(shape)))
    expect(values.every((value) => value.every(Number.isFinite))).toBe(true)
  })

  test('leaves rows alone that are not its own: theirs are the logits of the base', async () => {
    const base = await tinyT5()
    const { values } = trained(method, base)
    const plain = await alone(base, { method: 'full' }, new Map())
    expectNear(await mixed(base, method, values, [0, 0, 0]), plain, LAST_DIGITS, 'no row is its own')
    if (method.method === 'full') return

    const together = await mixed(base, method, values, [0, 1, 0])
    for (const row of [0, 2]) expectNear(rowOf(together, row), rowOf(plain, row), LAST_DIGITS, `row ${row}`)
    const single = await alone(base, method, values)
    expectNear(rowOf(together, 1), rowOf(single, 1), LAST_DIGITS, 'its own row')
    expect(distance(rowOf(single, 1), rowOf(plain, 1))).toBeGreaterThan(1e-2)
  })

  test('keeps its configuration when it is read again', () => {
    expect(parseMethod(JSON.parse(JSON.stringify(method)))).toEqual(method)
  })
})

test('every method of the registry stands under this contract', () => {
  expect(new Set(each.map(([, { method }]) => method))).toEqual(new Set(Object.keys(methods)))
  for (const [name, { name: own, learningRate }] of Object.entries(methods)) {
    expect(own).toBe(name)
    expect(learningRate).toBeGreaterThan(0)
  }
})

test('a method without settings has those that are documented', () => {
  expect(parseMethod({ method: 'lora' })).toEqual({
    method: 'lora',
    rank: 8,
    alpha: 16,
    targets: ['q', 'v'],
    rslora: false,
  })
  expect(parseMethod({ method: 'bottleneck' })).toEqual({
    method: 'bottleneck',
    bottleneck: 8,
    variant: 'double_seq_bn',
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
  const own = Object.keys(shapeOf(method))
  const foreign = Object.keys(methods).flatMap((other) => Object.keys(shapeOf(other)))
  const refused = [...new Set([...foreign, 'dora', 'ranks', 'constructor'])].filter((field) => !own.includes(field))

  test.each(refused)('refuses the field %s, which is not its own, by name', async (field) => {
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
  ['lora', 'targets', 'q'],
  ['lora', 'rslora', 'yes'],
  ['bottleneck', 'bottleneck', -1],
  ['bottleneck', 'variant', 'houlsby'],
  ['bottleneck', 'activation', 'swish'],
  ['soft-prompt', 'tokens', 0],
  ['soft-prompt', 'init', 'random'],
  ['soft-prompt', 'submodules', 3],
])('%s refuses %s: %j, and says so', async (method, field, value) => {
  const parsed = async () => parseMethod({ method, [field]: value })
  await expectError(parsed(), 'method_invalid', `${method}, ${field}`)
})

test.each(['constructor', 'toString', '__proto__', 'LoRA', '', 7, undefined])('%j is no method', async (method) => {
  const parsed = async () => parseMethod({ method: method as string })
  await expectError(parsed(), 'method_invalid', ...Object.keys(methods))
})

describe('targets of LoRA', () => {
  const placesOf = async (targets: string[], base = tinyT5()) => {
    const { t5: config } = await base
    const parameters = methodNamed('lora').parameters(parseMethod({ method: 'lora', targets }), config)
    return parameters.filter(({ name }) => name.endsWith('.lora_A')).map(({ name }) => name.slice(0, -'.lora_A'.length))
  }

  test('q stands for the queries of every attention, SelfAttention.q for those of self-attention', async () => {
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
  ] as const)('%s is refused where the base has none, with those that it has', async (target, base, offered) => {
    await expectError(placesOf(['q', target], base()), 'method_invalid', target, offered)
  })
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
      { method: 'bottleneck' },
      [...sub('encoder', 3, [0, 1]), ...sub('decoder', 2, [0, 2])],
    ],
    [
      'with cross_attention: after cross-attention, too',
      { method: 'bottleneck', cross_attention: true },
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
    const { t5: shape } = await tinyT5()
    const names = methodNamed('bottleneck')
      .parameters(parseMethod(config), shape)
      .map(({ name }) => name)
    const tensors = ['down.weight', 'down.bias', 'up.weight', 'up.bias']
    expect(names).toEqual(expected.flatMap((place) => tensors.map((tensor) => `${place}.adapter_${tensor}`)))
  })
})

test("OpenDelta's adapter computes what double_seq_bn with gelu does", async () => {
  const base = await tinyT5()
  const { method, values } = trained({ method: 'bottleneck', variant: 'opendelta' }, base)
  const houlsby = parseMethod({ method: 'bottleneck', activation: 'gelu' })
  const names = methodNamed('bottleneck')
    .parameters(houlsby, base.t5)
    .map(({ name }) => name)
  const moved = new Map([...values.values()].map((value, i) => [names[i], value]))
  expectNear(await alone(base, method, values), await alone(base, houlsby, moved), LAST_DIGITS, 'logits')
})

describe('initial values', () => {
  const start = async (config: MethodConfig) => {
    const base = await tinyT5()
    const method = parseMethod(config)
    const stream = random(0, 'initial values')
    return new Map(
      methodNamed(method.method)
        .parameters(method, base.t5)
        .map(({ name, initial }) => [name, initial(stream, (tensor) => base.tensors.get(tensor)!)]),
    )
  }
  const ending = (values: ReadonlyMap<string, Float32Array>, end: string) =>
    [...values].filter(([name]) => name.endsWith(end)).flatMap(([, value]) => [...value])
  const deviation = (values: readonly number[]) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length)

  test('make a fresh LoRA the base itself, with A as PEFT draws it', async () => {
    const base = await tinyT5()
    const values = await start({ method: 'lora', rank: 16 })
    expect(ending(values, 'lora_B').every((x) => x === 0)).toBe(true)
    const a = ending(values, 'lora_A')
    const bound = 1 / Math.sqrt(base.t5.dModel)
    expect(a.every((x) => Math.abs(x) <= bound)).toBe(true)
    expect(deviation(a)).toBeCloseTo(bound / Math.sqrt(3), 2)
    const plain = await alone(base, { method: 'full' }, new Map())
    expect(await alone(base, parseMethod({ method: 'lora', rank: 16 }), values)).toEqual(plain)
  })

  test.each([
    ['seq_bn', 0.02],
    ['double_seq_bn', 0.02],
    ['opendelta', 0.01],
  ])('of the bottleneck %s are drawn as its library draws them', async (variant, expected) => {
    const values = await start({ method: 'bottleneck', variant, bottleneck: 32 })
    for (const part of ['down', 'up']) {
      expect(deviation(ending(values, `${part}.weight`)) / expected).toBeCloseTo(1, 1)
      expect(ending(values, `${part}.bias`).every((x) => x === 0)).toBe(true)
    }
  })

  test('of a soft prompt are rows of the vocabulary, or normal', async () => {
    const base = await tinyT5()
    const width = base.t5.dModel
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

  test('of full fine-tuning are those of the base, in memory of their own', async () => {
    const base = await tinyT5()
    const values = await start({ method: 'full' })
    expect(values).toEqual(base.tensors)
    values.get('shared.weight')![0] += 1
    expect(values.get('shared.weight')![0]).not.toBe(base.tensors.get('shared.weight')![0])
  })
})
