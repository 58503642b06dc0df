import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Agent, connectAgent, type Revision, revisions } from './agents.ts'
import { generateArgs } from './allowed-args.ts'
import { expectRefusal } from './expect-refusal.ts'
import { startMcp } from './start-mcp.ts'
import { type Args, generateWrongArgs, type Schema } from './wrong-args.ts'

/** The number of calls of each kind and revision. */
const CALLS = 250

/** fast-check reports the seed and path of a call that fails. */
const options = { numRuns: CALLS, seed: 20_260_728, interruptAfterTimeLimit: 50_000, markInterruptAsFailure: true }

/** Starts a server and makes a valid call of each of its tools. */
async function start(revision: Revision) {
  const { url, films, platform } = await startMcp({ adapters: ['imdb', 'other'] })
  const agent = await connectAgent(revision, { url })
  const launched = await agent.call('launch_training', { dataset: films })
  const { id } = (launched.structuredContent as { training: { id: string } }).training
  const valid: Readonly<Record<string, Args>> = {
    list_datasets: { limit: 1 },
    list_adapters: { limit: 1 },
    count_parameters: { method: 'lora', rank: 8 },
    launch_training: { dataset: films, method: 'lora', rank: 8 },
    get_training: { training: id },
    cancel_training: { training: id, idempotency_key: 'stop' },
    classify_reviews: { reviews: ['good'], adapter: 'imdb' },
    explain_review: { review: 'good', adapter: 'imdb' },
    add_dataset: { name: 'more-films', rows: [{ text: 'good', label: 'positive' }] },
    list_bases: { limit: 1 },
    list_trainings: { status: 'queued' },
    evaluate_adapter: { adapter: 'imdb', dataset: films, wait_seconds: 0 },
    promote_adapter: { alias: 'live', adapter: 'imdb' },
    compare_adapters: { adapters: ['imdb', 'other'], dataset: films, wait_seconds: 0 },
  }
  const tools = (await agent.client.listTools()).tools.map(({ name, inputSchema }) => ({
    name,
    schema: inputSchema as Schema,
  }))
  expect(tools.map(({ name }) => name).sort()).toEqual(Object.keys(valid).sort())
  return { ...agent, platform, valid, tools }
}

/** Lets the server, which shares this thread, handle closed connections after values took long to generate. */
async function yieldToServer(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve))
}

async function expectWorking(call: Agent['call'], valid: Readonly<Record<string, Args>>): Promise<void> {
  for (const name of ['list_datasets', 'list_adapters', 'count_parameters', 'get_training', 'classify_reviews'])
    expect((await call(name, valid[name])).isError, name).toBeFalsy()
}

test.each(revisions)(
  'arguments that a tool’s schema does not allow are rejected by name, and the server continues: %s',
  async (revision) => {
    const { call, tools, valid, platform } = await start(revision)
    const invalid = fc
      .constantFrom(...tools)
      .chain(({ name, schema }) => generateWrongArgs(schema, valid[name]).map((one) => ({ name, ...one })))
    const property = fc.asyncProperty(invalid, async ({ name, args, argument }) => {
      await yieldToServer()
      // Messages write an odd field name as JSON.
      expectRefusal(await call(name, args), name, args, JSON.stringify(argument).slice(1, -1))
    })
    await fc.assert(property, options)
    await expectWorking(call, valid)
    expect((await call('get_training', valid.get_training)).structuredContent).toMatchObject({
      training: { status: 'queued' },
    })
    expect(platform.logged).toEqual([])
  },
)

test.each(revisions)('arguments that a tool’s schema allows get a result or a readable error: %s', async (revision) => {
  const { call, tools, valid, platform } = await start(revision)
  const allowed = fc
    .constantFrom(...tools)
    .chain(({ name, schema }) => generateArgs(schema, valid[name]).map((args) => ({ name, args })))
  const property = fc.asyncProperty(allowed, async ({ name, args }) => {
    await yieldToServer()
    // A plan would run two steps, and a wait would take long.
    const { plan_only: _, ...rest } = args
    const given = 'wait_seconds' in rest || /^(compare|evaluate)_/.test(name) ? { ...rest, wait_seconds: 0 } : rest
    const { isError, text } = await call(name, given)
    if (isError) expect(text).toMatch(/^(?!internal)[a-z_]+: \S.*\.\n\S[\s\S]*\.\n[A-Z][\s\S]*\nExample call: /)
    expect(platform.logged).toEqual([])
  })
  await fc.assert(property, options)
  await expectWorking(call, valid)
})
