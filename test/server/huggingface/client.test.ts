import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { InferenceClient, InferenceClientProviderApiError, textClassification } from '@huggingface/inference'
import { expect, test } from 'vitest'
import { hasPeer } from '../../peers.ts'
import { type StartOptions, start } from '../start.ts'

const python = join(import.meta.dirname, '.venv/bin/python')
const isInstalled = hasPeer(python)
const skipNote = isInstalled
  ? ''
  : ' (skipped: no test/server/huggingface/.venv; test/server/huggingface/setup.sh installs it)'

/** Sends a request in the shape of an Inference Endpoint. */
async function classify(body: unknown, options: StartOptions = {}) {
  const { url, platform } = await start({ adapters: ['film'], ...options })
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${url}/`, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: response.status, answer: (await response.json()) as unknown, headers: response.headers, platform }
}

test('@huggingface/inference classifies a text', async () => {
  const film = await start({ adapters: ['film'] })
  const client = new InferenceClient('hf_none', { endpointUrl: film.url })
  const labels = await client.textClassification({ inputs: 'a good film' })
  expect(labels).toEqual([
    { label: 'positive', score: expect.closeTo(0.9, 1) },
    { label: 'negative', score: expect.closeTo(0.1, 1) },
  ])
  const [first] = labels
  const endpoint = new InferenceClient('hf_none').endpoint(film.url)
  expect(await endpoint.textClassification({ inputs: 'a good film', parameters: { top_k: 1 } })).toEqual([first])
})

test('@huggingface/inference names an adapter in the address, and receives the error if it names none', async () => {
  const several = await start({ adapters: ['film', 'imdb'] })
  const classifyAt = (endpointUrl: string) => textClassification({ inputs: 'bad', endpointUrl })
  expect(await classifyAt(`${several.url}/?adapter=imdb`)).toMatchObject([{ label: 'negative' }, {}])
  for (const [url, expected] of [
    [several.url, /adapter: expected one of (film, imdb|imdb, film), but found nothing.*Name the adapter/],
    [`${several.url}?adapter=none`, /"none"/],
  ] as const) {
    const error = await classifyAt(url).catch((error) => error)
    expect(error).toBeInstanceOf(InferenceClientProviderApiError)
    expect(error.message).toMatch(expected)
  }
})

const PROGRAM = `
import sys
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

url = sys.argv[1]
client = InferenceClient(model=url)
print([(element.label, round(element.score, 3)) for element in client.text_classification("a good film")])
print([element.label for element in client.text_classification("bad", top_k=1, function_to_apply="none")])
print([element.label for element in client.text_classification("bad", model=url + "/?adapter=film")])
try:
    client.text_classification("bad", model=url + "?adapter=none")
except HfHubHTTPError as error:
    print(error.response.status_code, "none" in str(error))
`

test.skipIf(!isInstalled)(`the InferenceClient of Python classifies a text${skipNote}`, async () => {
  const { url } = await start({ adapters: ['film'] })
  const env = { ...process.env, HF_HUB_DISABLE_TELEMETRY: '1', HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }
  const { stdout } = await promisify(execFile)(python, ['-c', PROGRAM, url], { env })
  expect(stdout.trim().split('\n')).toEqual([
    "[('positive', 0.925), ('negative', 0.075)]",
    "['negative']",
    "['negative', 'positive']",
    '404 True',
  ])
})

test('several texts and pairs return one list each, in their order', async () => {
  const inputs = ['good', 'bad', { text: 'good', text_pair: 'bad' }, { text: 'bad', text_pair: null }]
  const { answer, headers, platform } = await classify({ inputs, parameters: null, options: { wait_for_model: true } })
  expect(answer).toMatchObject(['positive', 'negative', 'positive', 'negative'].map((label) => [{ label }, {}]))
  expect(platform.engine.calls.at(-1)?.map(({ text }) => text)).toEqual(['good', 'bad', 'good</s>bad', 'bad'])
  expect(headers.get('x-graft-adapter')).toBe('film')
})

test('scores are probabilities, logits or their sigmoid, as requested', async () => {
  const scoresWith = async (function_to_apply: string | null) => {
    const { answer } = await classify({ inputs: 'good', parameters: { function_to_apply } })
    return (answer as { label: string; score: number }[][])[0].map(({ score }) => score)
  }
  const [logits, sigmoids] = [await scoresWith('none'), await scoresWith('sigmoid')]
  expect(await scoresWith('softmax')).toEqual(await scoresWith(null))
  expect(sigmoids).toEqual(logits.map((logit) => expect.closeTo(1 / (1 + Math.exp(-logit)))))
})

test.each([
  ['no inputs', {}, 422, /inputs: expected a text/],
  ['an empty text', { inputs: '' }, 400, /cannot be empty/],
  ['an empty list', { inputs: [] }, 422, /at least one text/],
  ['too many texts', { inputs: Array(257).fill('a') }, 413, /batch size 257/],
  ['no labels', { inputs: 'a', parameters: { top_k: 0 } }, 422, /top_k: expected a whole number of at least 1/],
  ['an unknown function', { inputs: 'a', parameters: { function_to_apply: 'relu' } }, 422, /softmax, sigmoid or none/],
  ['an unknown parameter', { inputs: 'a', parameters: { candidate_labels: ['b'] } }, 422, /candidate_labels/],
])('%s is an error that the clients show', async (_, body, status, message) => {
  const response = await classify(body)
  expect(response).toMatchObject({ status, answer: { error: expect.stringMatching(message) } })
})
