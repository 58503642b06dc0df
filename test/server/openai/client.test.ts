import OpenAI, { APIError, toFile } from 'openai'
import { describe, expect, test } from 'vitest'
import type { Training } from '../../../platform/schemas/trainings.ts'
import { claimTraining, transitionTraining } from '../../../platform/store/training-transitions.ts'
import { type StartOptions, start } from '../start.ts'
import { withFiles } from '../with-files.ts'

/** Connects OpenAI's own client to a server with a fake engine, on which nothing trains. */
async function connectClient(options: StartOptions = {}, apiKey = 'none') {
  const { url, platform } = await start({ platformParts: await withFiles(), ...options })
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 })
  return { client, url, platform }
}

const conversation = (text: string, label: string) =>
  JSON.stringify({
    messages: [
      { role: 'user', content: text },
      { role: 'assistant', content: label },
    ],
  })
const films = ['good', 'bad'].map((text) => conversation(text, text === 'good' ? 'positive' : 'negative')).join('\n')
const upload = (client: OpenAI, text = films, filename = 'train set.jsonl') =>
  toFile(Buffer.from(text), filename).then((file) => client.files.create({ file, purpose: 'fine-tune' }))

/** Returns the error that the client throws. */
const apiErrorOf = (response: Promise<unknown>): Promise<APIError> =>
  response.then(
    () => expect.unreachable('the request succeeded'),
    (error) => {
      expect(error).toBeInstanceOf(APIError)
      return error
    },
  )

const review = (content: OpenAI.ChatCompletionUserMessageParam['content']) => [{ role: 'user' as const, content }]

describe('files', () => {
  test('can be uploaded, retrieved, listed in pages, downloaded and deleted', async () => {
    const { client } = await connectClient()
    const files = [await upload(client), await upload(client), await upload(client)]
    expect(files[0]).toMatchObject({
      object: 'file',
      filename: 'train set.jsonl',
      purpose: 'fine-tune',
      status: 'processed',
    })
    expect(files[0].bytes).toBe(Buffer.byteLength(films))
    expect(Math.abs(files[0].created_at - Date.now() / 1000)).toBeLessThan(60)
    expect(await client.files.retrieve(files[0].id)).toEqual(files[0])
    expect(await client.files.waitForProcessing(files[0].id)).toEqual(files[0])
    expect(await (await client.files.content(files[0].id)).text()).toBe(films)
    const listed = await Array.fromAsync(client.files.list({ limit: 2, purpose: 'fine-tune' }))
    expect(listed.slice(0, 3)).toEqual(files.toReversed())
    expect(await client.files.delete(files[1].id)).toEqual({ id: files[1].id, object: 'file', deleted: true })
    expect(await apiErrorOf(client.files.retrieve(files[1].id))).toMatchObject({ status: 404, code: 'dataset_unknown' })
  })

  test('are validated during the upload: an error names the bad line, and nothing is stored', async () => {
    const { client } = await connectClient()
    const before = (await client.files.list()).data.length
    const error = await apiErrorOf(upload(client, `${films}\n{"messages": []}`))
    expect(error).toMatchObject({ status: 400, code: 'data_line', type: 'invalid_request_error' })
    expect(error.message).toContain('train set.jsonl, line 3')
    expect((await client.files.list()).data).toHaveLength(before)
  })

  test('of other purposes, and forms without a file, are rejected by name', async () => {
    const { client, url } = await connectClient()
    const file = await toFile(Buffer.from(films), 'a.jsonl')
    expect(await apiErrorOf(client.files.create({ file, purpose: 'batch' }))).toMatchObject({
      status: 400,
      param: 'purpose',
    })
    const expires_after = { anchor: 'created_at' as const, seconds: 3600 }
    expect(await apiErrorOf(client.files.create({ file, purpose: 'fine-tune', expires_after }))).toMatchObject({
      param: expect.stringContaining('expires_after'),
    })
    const empty = new FormData()
    empty.set('purpose', 'fine-tune')
    for (const [body, param] of [
      [empty, 'file'],
      ['--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n{"text"', 'the body'],
    ] as const) {
      const headers = typeof body === 'string' ? { 'content-type': 'multipart/form-data; boundary=x' } : undefined
      const response = await fetch(`${url}/v1/files`, { method: 'POST', body, headers })
      expect([response.status, (await response.json()) as unknown]).toMatchObject([400, { error: { param } }])
    }
  })
})

describe('jobs', () => {
  test('are trainings with the requested settings', async () => {
    const { client, url } = await connectClient()
    const { id: training_file } = await upload(client)
    const hyperparameters = { n_epochs: 3, batch_size: 16, learning_rate_multiplier: 0.5 }
    const job = await client.fineTuning.jobs.create({
      model: 'embedded',
      training_file,
      validation_file: training_file,
      method: { type: 'supervised', supervised: { hyperparameters } },
      suffix: 'film',
      seed: 7,
      metadata: { team: 'reviews' },
      graft: { method: 'bottleneck', bottleneck: 4, max_tokens: 128 },
    } as OpenAI.FineTuning.JobCreateParams)
    expect(job).toMatchObject({
      object: 'fine_tuning.job',
      status: 'queued',
      model: 'embedded',
      training_file,
      validation_file: training_file,
      fine_tuned_model: null,
      finished_at: null,
      error: null,
      seed: 7,
      hyperparameters,
      method: { type: 'supervised', supervised: { hyperparameters } },
      metadata: { team: 'reviews' },
    })
    const training = (await (await fetch(`${url}/v1/trainings/${job.id.replace('ftjob-', '')}`)).json()) as Training
    expect(training).toMatchObject({
      name: expect.stringMatching(/^film-[0-9a-f]{12}$/),
      method: 'bottleneck',
      settings: { bottleneck: 4, max_tokens: 128, epochs: 3, batch_size: 16, seed: 7 },
    })
    expect(await client.fineTuning.jobs.retrieve(job.id)).toEqual(job)
  })

  test('can be paused, resumed and cancelled, and list each event once, newest first', async () => {
    const { client, platform } = await connectClient()
    const { id: training_file } = await upload(client)
    const ids: string[] = []
    for (let i = 0; i < 3; i++) ids.push((await client.fineTuning.jobs.create({ model: 'embedded', training_file })).id)
    const listed = await Array.fromAsync(client.fineTuning.jobs.list({ limit: 1 }))
    expect(listed.slice(0, 3).map(({ id }) => id)).toEqual(ids.toReversed())

    expect((await client.fineTuning.jobs.pause(ids[0])).status).toBe('paused')
    expect((await client.fineTuning.jobs.resume(ids[0])).status).toBe('queued')
    expect((await client.fineTuning.jobs.cancel(ids[0])).status).toBe('cancelled')
    const events = await Array.fromAsync(client.fineTuning.jobs.listEvents(ids[0], { limit: 2 }))
    expect(events.map(({ message }) => message)).toEqual(
      ['cancelled', 'queued', 'paused', 'queued'].map((status) => `The job is ${status}`),
    )
    expect(events[0]).toMatchObject({ object: 'fine_tuning.job.event', level: 'info', type: 'message' })
    expect(await apiErrorOf(client.fineTuning.jobs.cancel(ids[0]))).toMatchObject({
      status: 409,
      code: 'training_status_conflict',
    })
    expect((await client.fineTuning.jobs.checkpoints.list(ids[0])).data).toEqual([])

    const { db } = platform.store
    const id = ids[1].replace('ftjob-', '')
    const claimed = await claimTraining(db, id, 'a worker')
    const error = { code: 'training_diverged', title: 'The training diverged', status: 422 } as const
    const detail = { subject: 'the loss', expected: 'a number', found: 'NaN', fix: 'Lower the rate.' }
    await transitionTraining(db, id, 'failed', {
      fencing_token: claimed?.fencing_token,
      error: { ...error, ...detail },
    })
    const failed = await client.fineTuning.jobs.retrieve(ids[1])
    expect(failed).toMatchObject({
      status: 'failed',
      error: { code: 'training_diverged', message: 'the loss: expected a number, but found NaN. Lower the rate.' },
    })
    const [last] = (await client.fineTuning.jobs.listEvents(ids[1])).data
    expect(last).toMatchObject({ level: 'error' })
  })

  test('are created once per idempotency key', async () => {
    const { client } = await connectClient()
    const { id: training_file } = await upload(client)
    const create = (suffix: string) =>
      client.fineTuning.jobs.create(
        { model: 'embedded', training_file, suffix },
        { headers: { 'idempotency-key': `key-of-${training_file}` } },
      )
    expect((await create('one')).id).toBe((await create('one')).id)
    expect(await apiErrorOf(create('two'))).toMatchObject({ status: 409, code: 'idempotency_conflict' })
  })

  test('name an invalid field of the request in the error', async () => {
    const { client } = await connectClient()
    const { id: training_file } = await upload(client)
    const valid = { model: 'embedded', training_file }
    for (const [invalid, expected] of [
      [{ model: 'gpt-4o-mini' }, { status: 404, param: 'model', code: 'model_not_found' }],
      [{ training_file: 'file-none' }, { status: 404, param: 'training_file' }],
      [{ validation_file: 'file-none' }, { status: 404, param: 'validation_file' }],
      [{ method: { type: 'dpo' } }, { status: 400, param: 'method.type' }],
      [{ hyperparameters: { n_epochs: 0 } }, { status: 400, param: 'hyperparameters.n_epochs' }],
      [{ suffix: 'two words' }, { status: 400, param: 'suffix' }],
      [{ integrations: [{ type: 'wandb', wandb: { project: 'x' } }] }, { status: 400, param: 'integrations' }],
      [{ graft: { epochs: 2 } }, { status: 400, param: 'graft' }],
      [{ graft: { rank: 'eight' } }, { status: 400, param: 'graft.rank' }],
    ] as const) {
      const body = { ...valid, ...invalid } as OpenAI.FineTuning.JobCreateParams
      expect(await apiErrorOf(client.fineTuning.jobs.create(body)), JSON.stringify(invalid)).toMatchObject(expected)
    }
    expect(await apiErrorOf(client.fineTuning.jobs.retrieve('ftjob-none'))).toMatchObject({ status: 404 })
  })
})

test('models are bases, adapters and aliases, and one that an alias points to cannot be deleted', async () => {
  const { client, url } = await connectClient({ adapters: ['imdb', 'other'] })
  const headers = { 'content-type': 'application/json' }
  const alias = { method: 'PUT', headers, body: JSON.stringify({ adapter: 'imdb' }) }
  await fetch(`${url}/v1/aliases/production`, alias)
  const { data } = await client.models.list()
  expect(data.map(({ id, owned_by }) => [id, owned_by])).toEqual([
    ['small', 'system'],
    ['embedded', 'system'],
    ['other', 'graft'],
    ['imdb', 'graft'],
    ['production', 'graft'],
  ])
  expect(await client.models.retrieve('production')).toMatchObject({ id: 'production', object: 'model' })
  expect(await client.models.retrieve('embedded')).toMatchObject({ owned_by: 'system' })
  expect(await client.models.delete('other')).toMatchObject({ id: 'other', deleted: true })
  expect(await apiErrorOf(client.models.delete('imdb'))).toMatchObject({ status: 409, code: 'in_use' })
  expect(await apiErrorOf(client.models.retrieve('other'))).toMatchObject({ status: 404, code: 'model_not_found' })
})

describe('a completion', () => {
  test('is the label, with the requested probabilities and the digest of the weights', async () => {
    const { client } = await connectClient()
    const request = client.chat.completions.create({
      model: 'imdb',
      messages: [{ role: 'system', content: 'Judge.' }, ...review('bad'), ...review('so good')],
      temperature: 0,
      max_tokens: 5,
      logprobs: true,
      top_logprobs: 5,
    })
    const { data, response } = await request.withResponse()
    expect(data).toMatchObject({
      object: 'chat.completion',
      model: 'imdb',
      system_fingerprint: expect.stringMatching(/^fp_/),
    })
    expect(data.choices).toHaveLength(1)
    expect(data.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { role: 'assistant', content: 'positive' },
    })
    const [token] = data.choices[0].logprobs?.content ?? []
    // The fake engine gives its label the probability 1 - 0.3 / 4.
    expect(token.logprob).toBeCloseTo(Math.log(0.925), 6)
    expect(token.bytes).toEqual([...Buffer.from('positive')])
    expect(token.top_logprobs.map(({ token }) => token)).toEqual(['positive', 'negative'])
    expect(token.top_logprobs[1].logprob).toBeCloseTo(Math.log(0.075), 6)
    expect(data.usage).toEqual({ prompt_tokens: 2, completion_tokens: 1, total_tokens: 3 })
    expect(response.headers.get('x-graft-adapter')).toBe('imdb')
    expect(data.system_fingerprint).toBe(`fp_${response.headers.get('x-graft-digest')?.slice(0, 12)}`)
  })

  test('has no log-probabilities unless they are requested', async () => {
    const { client } = await connectClient()
    const { choices } = await client.chat.completions.create({ model: 'imdb', messages: review('good') })
    expect(choices[0].logprobs).toBeNull()
  })

  test('accepts content in parts', async () => {
    const { client } = await connectClient()
    const messages = review([
      { type: 'text', text: 'It is' },
      { type: 'text', text: 'good.' },
    ])
    const { choices } = await client.chat.completions.create({ model: 'imdb', messages })
    expect(choices[0].message.content).toBe('positive')
  })

  test('can be streamed', async () => {
    const { client } = await connectClient()
    const stream = await client.chat.completions.create({
      model: 'imdb',
      messages: review('bad'),
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks = await Array.fromAsync(stream)
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('negative')
    expect(chunks.map(({ choices }) => choices[0]?.finish_reason)).toEqual([null, 'stop', undefined])
    expect(chunks[2].usage).toMatchObject({ completion_tokens: 1 })
    const runner = client.chat.completions.stream({ model: 'imdb', messages: review('good') })
    expect(await runner.finalContent()).toBe('positive')
  })

  test('is rejected with the name of the parameter if the request needs more than a classifier', async () => {
    const { client, platform } = await connectClient()
    const valid = { model: 'imdb', messages: review('good') }
    for (const [invalid, expected] of [
      [{ model: 'gpt-4o' }, { status: 404, param: 'model', code: 'model_not_found' }],
      [{ messages: [] }, { status: 400, param: 'messages' }],
      [{ messages: [{ role: 'system', content: 'good' }] }, { status: 400, param: 'messages' }],
      [{ messages: review('  ') }, { status: 400, param: 'messages', code: 'text_invalid' }],
      [
        { messages: review([{ type: 'image_url', image_url: { url: 'x' } }]) },
        { status: 400, param: 'messages[0].content' },
      ],
      [{ n: 2 }, { status: 400, param: 'n' }],
      [{ top_logprobs: 2 }, { status: 400, param: 'logprobs' }],
      [{ tools: [{ type: 'function', function: { name: 'f' } }] }, { status: 400, param: 'tools' }],
      [{ response_format: { type: 'json_object' } }, { status: 400, param: 'response_format.type' }],
      [{ tools: [{ type: 'function', function: { name: 'f' } }], tool_choice: 'required' }, { status: 400 }],
      [{ function_call: { name: 'f' } }, { status: 400, param: 'function_call' }],
      [{ logit_bias: { '1': 5 } }, { status: 400, param: 'logit_bias.1' }],
      [{ modalities: ['text', 'audio'] }, { status: 400, param: 'modalities[1]' }],
      [{ moderation: { model: 'omni-moderation-latest' } }, { status: 400, param: 'moderation' }],
      [{ store: true }, { status: 400, param: 'store' }],
    ] as const) {
      const body = { ...valid, ...invalid } as OpenAI.ChatCompletionCreateParamsNonStreaming
      expect(await apiErrorOf(client.chat.completions.create(body)), JSON.stringify(invalid)).toMatchObject(expected)
    }
    expect(await apiErrorOf(client.chat.completions.create({ ...valid, messages: review('explode') }))).toMatchObject({
      status: 500,
      type: 'server_error',
    })
    expect(platform.logged).toHaveLength(1)
  })
})

test('an invalid key is rejected as OpenAI rejects it', async () => {
  const access = { hasKeys: async () => true, verify: async () => undefined }
  const { client } = await connectClient({ access, appOptions: { access } }, 'sk-wrong')
  expect(await apiErrorOf(client.models.list())).toMatchObject({
    status: 401,
    code: 'invalid_api_key',
    type: 'authentication_error',
  })
})
