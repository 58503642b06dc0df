import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import OpenAI, { NotFoundError } from 'openai'
import { beforeAll, expect, test } from 'vitest'
import { hasPeer } from '../../peers.ts'
import { readProblem, startShared } from '../start.ts'

let url: string
beforeAll(async () => {
  url = (await startShared({ adapters: ['film'] })).url
})

const clientAt = (path: string) => new OpenAI({ baseURL: url + path, apiKey: 'none', maxRetries: 0 })

/** Returns the error that the client throws. */
const notFoundErrorOf = (response: Promise<unknown>): Promise<NotFoundError> =>
  response.then(
    () => expect.unreachable('the request succeeded'),
    (error) => {
      expect(error).toBeInstanceOf(NotFoundError)
      return error
    },
  )

test.each([
  ['', '/chat/completions'],
  ['/openai', '/openai/chat/completions'],
  ['/api/v1', '/api/v1/chat/completions'],
])('a client with the base URL %j learns the right one', async (base, path) => {
  const request = { model: 'film', messages: [{ role: 'user' as const, content: 'good' }] }
  const error = await notFoundErrorOf(clientAt(base).chat.completions.create(request))
  expect(error).toMatchObject({ code: 'not_found', type: 'invalid_request_error', param: path })
  expect(error.message).toContain(`${path} is not a path of this API. Use /v1/chat/completions.`)
  expect(error.message).toContain('http://localhost:8080/v1')
})

test.each([
  ['a model without /v1', '', (client: OpenAI) => client.models.retrieve('film'), '/v1/models/film'],
  ['/v1 twice', '/v1/v1', (client: OpenAI) => client.models.list(), '/v1/models'],
  ['responses', '/v1', (client: OpenAI) => client.responses.create({ input: 'a' }), '/v1/chat/completions'],
  ['embeddings', '/v1', (client: OpenAI) => client.embeddings.create({ input: 'a', model: 'b' }), 'its label'],
  ['batches', '', (client: OpenAI) => client.batches.list(), '/v1/chat/completions'],
  ['images', '/v1', (client: OpenAI) => client.images.generate({ prompt: 'a' }), '/v1/chat/completions'],
] as const)('a client that requests %s learns the right path', async (_, base, send, expected) => {
  const error = await notFoundErrorOf(send(clientAt(base)) as Promise<unknown>)
  expect(error.message).toContain(expected)
  expect(error.error).toMatchObject({ code: 'not_found' })
})

const python = join(import.meta.dirname, '.venv/bin/python')
const isInstalled = hasPeer(python)
const skipNote = isInstalled ? '' : ' (skipped: no test/server/openai/.venv; test/server/openai/setup.sh installs it)'

const PROGRAM = `
import sys
from openai import NotFoundError, OpenAI

request = {"model": "film", "messages": [{"role": "user", "content": "good"}]}
print(OpenAI(base_url=sys.argv[1] + "/v1", api_key="none").chat.completions.create(**request).choices[0].message.content)
try:
    OpenAI(base_url=sys.argv[1], api_key="none").chat.completions.create(**request)
except NotFoundError as error:
    print(error.code, error.body["message"])
`

test.skipIf(!isInstalled)(
  `a client in Python works with /v1, and without it learns the right path${skipNote}`,
  async () => {
    const { stdout } = await promisify(execFile)(python, ['-c', PROGRAM, url])
    expect(stdout).toMatch(/^positive\nnot_found .*Use \/v1\/chat\/completions\./)
  },
)

test('a method that a path of OpenAI does not have is an error in the format of OpenAI', async () => {
  const error = await clientAt('/v1')
    .chat.completions.list()
    .then(
      () => expect.unreachable('the request succeeded'),
      (error) => error,
    )
  expect(error).toMatchObject({ status: 405, code: 'method_not_allowed' })
})

test('any other client gets a problem, which below /v1 also has the error of OpenAI', async () => {
  const misspelled = await readProblem(await fetch(`${url}/v1/adapter`))
  expect(misspelled).toMatchObject({ code: 'not_found', subject: '/v1/adapter' })
  expect(misspelled.fix).toContain('Did you mean /v1/adapters?')
  expect(misspelled.error).toMatchObject({ code: 'not_found', type: 'invalid_request_error' })
  const elsewhere = await readProblem(await fetch(`${url}/healthy`))
  expect(elsewhere).toMatchObject({ code: 'not_found', fix: expect.stringContaining('/healthz') })
  expect(elsewhere).not.toHaveProperty('error')
  const short = await readProblem(await fetch(`${url}/adapters/film`))
  expect(short.fix).toContain('Use /v1/adapters/film.')
  const slash = await readProblem(await fetch(`${url}/v1/adapters/`))
  expect(slash.fix).toBe('Use /v1/adapters.')
  const nothing = await readProblem(await fetch(`${url}/${'x'.repeat(5000)}`))
  expect(nothing.fix).toContain('GET /docs lists all of them')
})
