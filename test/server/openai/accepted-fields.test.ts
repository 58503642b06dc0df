import OpenAI, { toFile } from 'openai'
import { beforeAll, expect, test } from 'vitest'
import { startShared } from '../start.ts'
import { withFiles } from '../with-files.ts'

let url: string
let client: OpenAI
let training_file: string
beforeAll(async () => {
  const server = await startShared({ adapters: ['film'], platformParts: await withFiles() })
  url = server.url
  client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 })
  const lines = ['positive', 'negative'].map((label) => JSON.stringify({ text: `a ${label} film`, label })).join('\n')
  training_file = (await client.files.create({ file: await toFile(Buffer.from(lines), 'a'), purpose: 'fine-tune' })).id
})

type ChatField = Exclude<keyof OpenAI.ChatCompletionCreateParams, 'model' | 'messages'>

/** Values that cannot change a label, for every field of the client. A new field of the client does not compile. */
const chatValues: Record<ChatField, readonly unknown[]> = {
  audio: [null, { voice: 'alloy', format: 'mp3' }],
  frequency_penalty: [null, 0, 1.5],
  function_call: [null, 'none', 'auto'],
  functions: [null, []],
  logit_bias: [null, {}, { '50256': 0 }],
  logprobs: [null, false, true],
  max_completion_tokens: [null, 1],
  max_tokens: [null, 1],
  metadata: [null, {}, { team: 'films' }],
  modalities: [null, [], ['text']],
  moderation: [null, {}],
  n: [null, 1],
  parallel_tool_calls: [null, false, true],
  prediction: [null, { type: 'content', content: 'positive' }],
  presence_penalty: [null, 0],
  prompt_cache_key: [null, 'films'],
  prompt_cache_options: [null, {}],
  prompt_cache_retention: [null, '24h'],
  reasoning_effort: [null, 'none', 'high'],
  response_format: [null, {}, { type: 'text' }],
  safety_identifier: [null, 'me'],
  seed: [null, 7],
  service_tier: [null, 'auto'],
  stop: [null, [], 'x', ['x']],
  store: [null, false],
  stream: [null, false],
  stream_options: [null, {}, { include_usage: null }, { include_usage: false, include_obfuscation: true }],
  temperature: [null, 0, 2],
  tool_choice: [null, 'none', 'auto'],
  tools: [null, []],
  top_logprobs: [null, 0],
  top_p: [null, 1],
  user: [null, '', 'me'],
  verbosity: [null, 'low'],
  web_search_options: [null, {}],
}

const messages = [{ role: 'user' as const, content: 'so good' }]
const createCompletion = (fields: object) =>
  client.chat.completions.create({
    model: 'film',
    messages,
    ...fields,
  } as OpenAI.ChatCompletionCreateParamsNonStreaming)

test.each(Object.entries(chatValues))(
  '%s of a completion is accepted when it cannot change the label',
  async (field, values) => {
    const completions = await Promise.all(values.map((value) => createCompletion({ [field]: value })))
    expect(completions.map(({ choices }) => choices[0].message.content)).toEqual(values.map(() => 'positive'))
  },
)

test('tools that the client forbids to call are accepted', async () => {
  const tool = { name: 'f', parameters: { type: 'object' } }
  const { choices } = await createCompletion({ tools: [{ type: 'function', function: tool }], tool_choice: 'none' })
  expect(choices[0].message.content).toBe('positive')
  expect((await createCompletion({ functions: [tool], function_call: 'none' })).choices).toHaveLength(1)
})

test('a stream accepts all of its options', async () => {
  const stream_options = { include_usage: true, include_obfuscation: false }
  const stream = await client.chat.completions.create({ model: 'film', messages, stream: true, stream_options })
  const chunks = await Array.fromAsync(stream)
  expect(chunks[0].choices[0].delta.content).toBe('positive')
  expect(chunks.at(-1)?.usage).toMatchObject({ completion_tokens: 1 })
})

type JobField = Exclude<keyof OpenAI.FineTuning.JobCreateParams, 'model' | 'training_file' | 'validation_file'>

const unused = { hyperparameters: { beta: 0.1 } }
const jobValues: Record<JobField | 'validation_file', readonly unknown[]> = {
  hyperparameters: [null, {}, { n_epochs: null, batch_size: 'auto', learning_rate_multiplier: null }],
  integrations: [null, []],
  metadata: [null, {}],
  method: [
    null,
    {},
    { type: 'supervised' },
    { type: 'supervised', supervised: null, dpo: null, reinforcement: null },
    { type: 'supervised', supervised: {}, dpo: unused },
    { type: 'supervised', supervised: { hyperparameters: {} } },
  ],
  seed: [null],
  suffix: [null],
  validation_file: [null],
}

test.each(Object.entries(jobValues))('%s of a job is accepted when it sets nothing', async (field, values) => {
  for (const value of values) {
    const request = { model: 'embedded', training_file, [field]: value } as OpenAI.FineTuning.JobCreateParams
    const { id, status } = await client.fineTuning.jobs.create(request)
    expect([value, status]).toEqual([value, 'queued'])
    await client.fineTuning.jobs.cancel(id)
  }
})

test('lists accept every field of the client', async () => {
  const second = await client.files.create({
    file: await toFile(Buffer.from('text,label\na,b\nc,d'), 'b'),
    purpose: 'fine-tune',
  })
  const ascending = await Array.fromAsync(client.files.list({ order: 'asc', limit: 1, purpose: 'fine-tune' }))
  const descending = await Array.fromAsync(client.files.list({ order: 'desc', limit: 10_000 }))
  expect(ascending).toEqual(descending.toReversed())
  expect(descending[0]).toEqual(second)
  const create = (metadata?: Record<string, string>) =>
    client.fineTuning.jobs.create({ model: 'embedded', training_file, metadata })
  const [a, b, none] = [await create({ team: 'a', "it's": '' }), await create({ team: 'b' }), await create()]
  const list = async (metadata?: Record<string, string> | null) =>
    (await Array.fromAsync(client.fineTuning.jobs.list({ metadata, limit: 1 }))).map(({ id }) => id)
  expect(await list({ team: 'a' })).toEqual([a.id])
  expect(await list({ team: 'b' })).toEqual([b.id])
  expect(await list({ "it's": '' })).toEqual([a.id])
  expect(await list({ team: 'c' })).toEqual([])
  expect((await list({})).slice(0, 3)).toEqual([none.id, b.id, a.id])
  const withoutMetadata = (await (await fetch(`${url}/v1/fine_tuning/jobs?metadata=null&limit=100`)).json()) as {
    data: { id: string }[]
  }
  const ids = withoutMetadata.data.map(({ id }) => id)
  expect([ids[0], ids.includes(a.id)]).toEqual([none.id, false])
})
