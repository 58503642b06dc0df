import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Agent, connected, type Revision, revisions } from './agents.ts'
import { allowedArgs } from './allowed-args.ts'
import { expectRefusal } from './refusal.ts'
import { startMcp } from './start-mcp.ts'
import { type Args, type Schema, wrongArgs } from './wrong-args.ts'

/** Of each kind and revision. */
const CALLS = 250

/** fast-check tells seed and path of a call that fails. */
const options = { numRuns: CALLS, seed: 20_260_728, interruptAfterTimeLimit: 50_000, markInterruptAsFailure: true }

/** A server, and a right call of each of its tools. */
async function started(revision: Revision) {
  const { url, films, platform } = await startMcp({ adapters: ['imdb', 'other'] })
  const agent = await connected(revision, { url })
  const launched = await agent.call('launch_training', { dataset: films })
  const { id } = (launched.structuredContent as { training: { id: string } }).training
  const right: Readonly<Record<string, Args>> = {
    list_datasets: { limit: 1 },
    list_adapters: { limit: 1 },
    count_parameters: { method: 'lora', rank: 8 },
    launch_training: { dataset: films, method: 'lora', rank: 8 },
    get_training: { training: id },
    cancel_training: { training: id, idempotency_key: 'stop' },
    classify_reviews: { reviews: ['good'], adapter: 'imdb' },
    compare_adapters: { adapters: ['imdb', 'other'], dataset: films, wait_seconds: 0 },
  }
  const tools = (await agent.client.listTools()).tools.map(({ name, inputSchema }) => ({
    name,
    schema: inputSchema as Schema,
  }))
  expect(tools.map(({ name }) => name).sort()).toEqual(Object.keys(right).sort())
  return { ...agent, platform, right, tools }
}

/** Making values may hold the thread for long, and the server lives on it, too: connections that it has closed meanwhile are seen first. */
async function caughtUp(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve))
}

async function expectToGoOn(call: Agent['call'], right: Readonly<Record<string, Args>>): Promise<void> {
  for (const name of ['list_datasets', 'list_adapters', 'count_parameters', 'get_training', 'classify_reviews'])
    expect((await call(name, right[name])).isError, name).toBeFalsy()
}

test.each(revisions)(
  'whatever a tool’s schema does not allow is refused as such, and the server goes on: %s',
  async (revision) => {
    const { call, tools, right, platform } = await started(revision)
    const wrong = fc
      .constantFrom(...tools)
      .chain(({ name, schema }) => wrongArgs(schema, right[name]).map((one) => ({ name, ...one })))
    const property = fc.asyncProperty(wrong, async ({ name, args, argument }) => {
      await caughtUp()
      // Messages write the odd name of a field as JSON does.
      expectRefusal(await call(name, args), name, args, JSON.stringify(argument).slice(1, -1))
    })
    await fc.assert(property, options)
    await expectToGoOn(call, right)
    expect((await call('get_training', right.get_training)).structuredContent).toMatchObject({
      training: { status: 'queued' },
    })
    expect(platform.logged).toEqual([])
  },
)

test.each(revisions)('whatever a tool’s schema allows is answered, or refused in words: %s', async (revision) => {
  const { call, tools, right, platform } = await started(revision)
  const allowed = fc
    .constantFrom(...tools)
    .chain(({ name, schema }) => allowedArgs(schema, right[name]).map((args) => ({ name, args })))
  const property = fc.asyncProperty(allowed, async ({ name, args }) => {
    await caughtUp()
    // A plan would run, and a wait would last.
    const { plan_only: _, ...rest } = args
    const given = 'wait_seconds' in rest || name === 'compare_adapters' ? { ...rest, wait_seconds: 0 } : rest
    const { isError, text } = await call(name, given)
    if (isError)
      expect(text).toMatch(/^(?!internal)[a-z_]+: .*\n[\s\S]*: expected .*, but found [\s\S]*\nA right call: /)
    expect(platform.logged).toEqual([])
  })
  await fc.assert(property, options)
  await expectToGoOn(call, right)
})
