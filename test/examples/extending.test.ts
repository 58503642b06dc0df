import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { loadAdapter, saveAdapter } from '../../checkpoint/adapter.ts'
import { layouts } from '../../checkpoint/layouts.ts'
import { readTensorFile } from '../../checkpoint/read-tensors.ts'
import { downUp } from '../../examples/extending/layout.ts'
import { rescale } from '../../examples/extending/method.ts'
import { exp } from '../../examples/extending/op.ts'
import { datasets } from '../../examples/extending/resource.ts'
import { tallyRoutes } from '../../examples/extending/route.ts'
import { tally } from '../../examples/extending/tally.ts'
import { tallyReviews } from '../../examples/extending/tool.ts'
import { lower } from '../../graph/onnx/lower.ts'
import { buildProgram } from '../../graph/program.ts'
import { openPool } from '../../graph/runtime/pool.ts'
import { openSession } from '../../graph/runtime/session.ts'
import { type ResourceKind, resourceKinds } from '../../mcp/resources.ts'
import type { Tool } from '../../mcp/tool.ts'
import { tools } from '../../mcp/tools.ts'
import { modelOf } from '../../model/architectures.ts'
import { methods, parseMethod } from '../../model/methods/registry.ts'
import { applyMethod } from '../../model/programs.ts'
import { makeApp } from '../../server/app.ts'
import { listen } from '../../server/listen.ts'
import { type Mixtures, openMixtures } from '../../serving/mixtures.ts'
import { prepareBase } from '../../serving/served-base.ts'
import { expectError, freshPath, parityPath, randomAdapter, tinyT5 } from '../checkpoint/helpers.ts'
import { type Case, gradientError } from '../graph/finite-differences.ts'
import { connectAgent, revisions } from '../mcp/agents.ts'
import { startMcp } from '../mcp/start-mcp.ts'
import { expectNear, inputs, maxDifference, readJson, TOLERANCES } from '../model/references.ts'
import { fakePlatform } from '../platform/fake-platform.ts'
import { readProblem } from '../server/start.ts'
import { entryOf, readyAdapter } from '../serving/queue-entries.ts'
import { onSoftwareVulkan, softwareVulkan } from '../software-vulkan.ts'

/** Adds an item to a list until the tests of this file have ended. */
function register<T>(list: readonly T[], item: T): void {
  const items = list as T[]
  beforeAll(() => {
    items.push(item)
  })
  afterAll(() => {
    items.splice(items.indexOf(item), 1)
  })
}

const texts = ['good', 'bad', 'good enough', ' ']
const counts = { positive: 2, negative: 1 }

test('the route answers when it is mounted, and rejects invalid requests as every route does', async () => {
  const platform = await fakePlatform()
  const app = makeApp(platform, { version: '1.2.3', extraRoutes: tallyRoutes(platform) })
  const server = await listen(app, { graceSeconds: 1 })
  onTestFinished(() => server.close())
  const send = (body: object) =>
    fetch(`${server.url}/v1/tallies`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  expect(tally.parse(await (await send({ texts })).json())).toEqual({ adapter: 'imdb', counts, failed: 1 })
  expect(await readProblem(await send({ texts: [] }))).toMatchObject({ code: 'body_invalid', subject: 'texts' })
  expect(await readProblem(await send({ texts, adapter: 'yelp' }))).toMatchObject({ code: 'adapter_unknown' })
})

describe('the tool', () => {
  register<Tool>(tools, tallyReviews)

  test.each(revisions)(
    'answers agents of revision %s, and shows a valid call to one that made an error',
    async (revision) => {
      const { url } = await startMcp()
      const { call } = await connectAgent(revision, { url })
      expect(await call('tally_reviews', { reviews: texts })).toMatchObject({
        structuredContent: { adapter: 'imdb', counts, failed: 1 },
        summary: '2 positive, 1 negative, 1 failed.',
      })
      const { isError, text } = await call('tally_reviews', { texts })
      expect([isError, text]).toEqual([true, expect.stringContaining('Example call: tally_reviews {"reviews":')])
    },
  )

  test('has a valid example call', () => {
    expect(tallyReviews.input.safeParse(tallyReviews.example).error).toBeUndefined()
  })
})

describe('the resource', () => {
  register<ResourceKind>(resourceKinds, datasets)

  test('is listed and read', async () => {
    const { url, films } = await startMcp()
    const { client } = await connectAgent('2026-07-28', { url })
    const { resources } = await client.listResources()
    const { uri } = resources.find(({ name }) => name === films)!
    expect(uri).toMatch(/^graft:\/\/datasets\//)
    const [{ text }] = (await client.readResource({ uri })).contents as { text: string }[]
    expect(JSON.parse(text)).toMatchObject({ name: films, rows: 2, labels: { positive: 1, negative: 1 } })
    await expect(client.readResource({ uri: 'graft://datasets/none' })).rejects.toThrow('dataset_unknown')
  })
})

describe('the layout', () => {
  beforeAll(() => {
    layouts[downUp.name] = downUp
  })
  afterAll(() => {
    delete layouts[downUp.name]
  })
  const save = async () => {
    const base = await tinyT5()
    const adapter = randomAdapter({ method: 'lora', rank: 3, targets: ['q', 'wo'] }, base)
    const dir = freshPath()
    return { base, adapter, dir, saved: await saveAdapter(dir, { ...adapter, layout: 'down-up' }, base) }
  }

  test('loads the adapter that it saved, and saves it again with the same bytes', async () => {
    const { base, adapter, dir, saved } = await save()
    const loaded = await loadAdapter(dir, base)
    expect(loaded).toEqual(saved)
    expect(loaded).toMatchObject({ layout: 'down-up', method: adapter.method, values: adapter.values })
    const again = freshPath()
    await saveAdapter(again, loaded, base)
    expect(readdirSync(again).sort()).toEqual(['graft.json', 'lora.json', 'lora.safetensors'])
    for (const file of readdirSync(dir)) expect(readFileSync(join(again, file))).toEqual(readFileSync(join(dir, file)))
    const { tensors } = await readTensorFile(join(dir, 'lora.safetensors'))
    expect([...tensors.keys()].every((name) => /\.(?:down|up)$/.test(name))).toBe(true)
  })

  test('rejects a setting that changes the function in a way that it does not implement', async () => {
    const { base, dir } = await save()
    const config = JSON.parse(readFileSync(join(dir, 'lora.json'), 'utf8'))
    const parse = async (change: object) => downUp.parseConfig({ ...config, ...change }, modelOf(base), 'lora.json')
    expect((await parse({ dropout: 0.5 })).method).toMatchObject({ method: 'lora', rank: 3 })
    await expectError(parse({ bias: true }), 'checkpoint_config', 'lora.json, bias', 'trained biases')
    await expectError(parse({ rank: 0 }), 'checkpoint_config', 'lora.json, rank')
    const rsLora = randomAdapter({ method: 'lora', rslora: true }, base)
    await expectError(saveAdapter(freshPath(), { ...rsLora, layout: 'down-up' }, base), 'checkpoint_config', 'rslora')
  })
})

describe('the op', () => {
  const testCase: Case = { inputs: [[2, 3]], build: ([x]) => exp(x) }

  test('has the gradient of central differences', async () => {
    expect(await gradientError(testCase, 'cpu')).toBeLessThan(3e-3)
  })

  test.skipIf(!softwareVulkan)(onSoftwareVulkan('has the same gradient on WebGPU'), async () => {
    expect(await gradientError(testCase, 'webgpu')).toBeLessThan(3e-3)
  })
})

describe('the method', () => {
  beforeAll(() => {
    methods[rescale.name] = rescale
  })
  afterAll(() => {
    delete methods[rescale.name]
  })

  test("computes the logits of PEFT's IA3 from PEFT's factors", async () => {
    const base = await tinyT5()
    const model = modelOf(base)
    const { tensors } = await readTensorFile(parityPath('peft/ia3/checkpoint/adapter_model.safetensors'))
    // PEFT rescales the inputs of wo, which are the outputs of wi after a ReLU.
    const theta = [...tensors].map(([name, { data }]) => [
      name
        .replace('base_model.model.', '')
        .replace('.wo.', '.wi.')
        .replace(/ia3_l$/, 'factors'),
      data.map((factor) => factor - 1),
    ])
    const logits = model.generation!.logits(applyMethod(model, parseMethod({ method: 'rescale' })).context, 1)
    const session = await openSession(lower(buildProgram('logits', { logits }), 'cpu'), { threads: 1 })
    onTestFinished(() => session.close())
    const { input_ids, attention_mask } = inputs.a
    const [batch, source] = [input_ids.length, input_ids[0].length]
    const feeds = {
      ...Object.fromEntries([...base.tensors, ...theta]),
      input_ids: Int32Array.from(input_ids.flat()),
      attention_mask: Float32Array.from(attention_mask.flat()),
      decoder_input_ids: new Int32Array(batch),
    }
    const { logits: computed } = await session.run(feeds, { batch, source })
    const { tokens, a } = readJson<Meta>('peft/ia3/meta.json').probe_first_step_logits_float64
    const probe = a.flatMap((_, row) => tokens.map((token) => computed[row * model.vocabSize + token] as number))
    expectNear(probe, a.flat(), TOLERANCES.logits, 'logits')
  })

  test('gives the same answers in a batch with another adapter as by itself', async () => {
    const base = await tinyT5()
    const pool = openPool(1)
    onTestFinished(() => pool.close())
    const [mixtures, alone] = [
      openMixtures(prepareBase(base, 'f32'), pool),
      openMixtures(prepareBase(base, 'f32'), pool),
    ]
    const join = async (to: Mixtures, size: number) => {
      const { method, values } = randomAdapter({ method: 'rescale' }, base, size)
      const packed = Float32Array.from([...values.values()].flatMap((value) => [...value]))
      const { mixture } = await to.join({ method, values: packed })
      const adapter = readyAdapter(mixture, method, packed)
      return { mixture, entries: inputs.a.input_ids.map((ids) => entryOf(adapter, Int32Array.from(ids))) }
    }
    const [first, second] = [await join(mixtures, 0.1), await join(mixtures, 0.3)]
    const single = await join(alone, 0.1)
    const shared = await second.mixture.computeLogits([...second.entries, ...first.entries])
    const own = await single.mixture.computeLogits(single.entries)
    for (const [row, logits] of own.entries())
      expectNear(shared[row + own.length], logits, TOLERANCES.logits, `row ${row}`)
    expect(maxDifference(shared[0], own[0])).toBeGreaterThan(1e-2)
  })
})

interface Meta {
  probe_first_step_logits_float64: { tokens: number[]; a: number[][] }
}
