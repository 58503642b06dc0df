import { expect, test } from 'vitest'
import { connectAgent, revisions } from './agents.ts'
import { expectRefusal } from './expect-refusal.ts'
import { startMcp } from './start-mcp.ts'

/** A call and its invalid argument. */
type Wrong = readonly [tool: string, args: Record<string, unknown>, argument: string]

const wrong = (films: string): Wrong[] => [
  ['classify_reviews', {}, 'reviews'],
  ['classify_reviews', { inputs: ['good'] }, 'reviews'],
  ['classify_reviews', { reviews: 'good' }, 'reviews'],
  ['classify_reviews', { reviews: [] }, 'reviews'],
  ['classify_reviews', { reviews: [7] }, 'reviews[0]'],
  ['classify_reviews', { reviews: Array.from({ length: 257 }, () => 'good') }, 'reviews'],
  ['classify_reviews', { reviews: ['good', { text: 'bad', adaptor: 'imdb' }] }, 'adaptor'],
  ['classify_reviews', { reviews: ['good'], adapter: 'none' }, 'adapter'],
  ['classify_reviews', { reviews: ['good'], adapter: '' }, 'adapter'],
  ['classify_reviews', { reviews: ['good'], adapter: 'imdb', adapters: ['other'] }, 'adapter'],
  ['classify_reviews', { reviews: [{ text: 'good', adapter: 'imdb' }], adapters: ['other'] }, 'reviews[0].adapter'],
  ['classify_reviews', { reviews: ['good'], adapters: ['imdb', 'imdb'] }, 'adapters[1]'],
  ['classify_reviews', { reviews: ['good'] }, 'adapter'],
  ['classify_reviews', { reviews: ['good'], adapter: 'imdb', detail: 'everything' }, 'detail'],
  ['explain_review', {}, 'review'],
  ['explain_review', { reviews: ['good'] }, 'review'],
  ['explain_review', { review: ' ', adapter: 'imdb' }, 'review'],
  ['explain_review', { review: 'good', adapter: 'none' }, 'adapter'],
  ['launch_training', {}, 'dataset'],
  ['launch_training', { dataset: 'none' }, 'dataset'],
  ['launch_training', { dataset: films, method: 'qlora' }, 'method'],
  ['launch_training', { dataset: films, rank: 'eight' }, 'rank'],
  ['launch_training', { dataset: films, rank: 0 }, 'rank'],
  ['launch_training', { dataset: films, rank: 100_000_000 }, 'rank'],
  ['launch_training', { dataset: films, method: 'bottleneck', bottleneck: 5000 }, 'bottleneck'],
  ['launch_training', { dataset: films, method: 'soft-prompt', tokens: 5000 }, 'tokens'],
  ['launch_training', { dataset: films, targets: ['q', 'none'] }, 'none'],
  ['launch_training', { dataset: films, epochs: 2, steps: 9 }, 'epochs'],
  ['launch_training', { dataset: films, threads: 5000 }, 'threads'],
  ['launch_training', { dataset: films, method: 'soft-prompt', rank: 8 }, 'rank'],
  ['launch_training', { dataset: films, learning_rate: -1 }, 'learning_rate'],
  ['launch_training', { dataset: films, lr: 0.1 }, 'lr'],
  ['launch_training', { dataset: films, name: 'a name with spaces' }, 'name'],
  ['launch_training', { dataset: films, plan_only: 'yes' }, 'plan_only'],
  ['launch_training', { dataset: films, plan_only: true, idempotency_key: 'x' }, 'idempotency_key'],
  ['launch_training', { dataset: films, idempotency_key: 'with spaces' }, 'idempotency_key'],
  ['launch_training', { dataset: films, base: 'none' }, 'base'],
  ['launch_training', { dataset: films, test_dataset: 'none' }, 'test_dataset'],
  ['get_training', {}, 'training'],
  ['get_training', { training: 'none' }, 'training'],
  ['get_training', { id: 'none' }, 'training'],
  ['get_training', { training: 'a\0b' }, 'training'],
  ['get_training', { training: 'none', wait_seconds: 31 }, 'wait_seconds'],
  ['get_training', { training: 'none', wait_seconds: 'five' }, 'wait_seconds'],
  ['cancel_training', { training: 7 }, 'training'],
  ['compare_adapters', {}, 'adapters'],
  ['compare_adapters', { adapters: ['imdb', 'other'] }, 'dataset'],
  ['compare_adapters', { adapters: ['imdb'], dataset: 'films' }, 'adapters'],
  ['compare_adapters', { comparison: 'the last one' }, 'comparison'],
  ['list_adapters', { limit: 0 }, 'limit'],
  ['list_adapters', { cursor: 'next' }, 'cursor'],
  ['list_datasets', { page: 2 }, 'page'],
  ['list_trainings', { status: 'done' }, 'status'],
  ['list_bases', { limit: 'all' }, 'limit'],
  ['add_dataset', { name: 'more' }, 'rows'],
  ['add_dataset', { name: 'more', rows: [] }, 'rows'],
  ['add_dataset', { name: 'more', rows: [{ text: 'good' }] }, 'rows[0].label'],
  ['add_dataset', { name: 'more', rows: [{ text: 'good', label: ['positive'] }] }, 'rows[0].label'],
  ['add_dataset', { name: 'more films', rows: [{ text: 'good', label: 'positive' }] }, 'name'],
  ['add_dataset', { name: films, rows: [{ text: 'good', label: 'positive' }] }, films],
  ['add_dataset', { name: 'more', rows: [{ text: 'good', label: '' }] }, 'line 1'],
  ['add_dataset', { name: 'more', path: '/etc/passwd' }, 'rows'],
  ['evaluate_adapter', {}, 'adapter'],
  ['evaluate_adapter', { adapter: 'imdb' }, 'dataset'],
  ['evaluate_adapter', { evaluation: 'the last one' }, 'evaluation'],
  ['promote_adapter', { adapter: 'imdb' }, 'alias'],
  ['promote_adapter', { alias: 'live', adapter: 'none' }, 'adapter'],
  ['promote_adapter', { alias: 'a b', adapter: 'imdb' }, 'alias'],
  ['count_parameters', { rank: 8 }, 'method'],
  ['count_parameters', { method: 'constructor' }, 'method'],
  ['count_parameters', { method: 'lora', tokens: 8 }, 'tokens'],
  ['count_parameters', { method: 'lora', width: 8 }, 'width'],
  ['count_parameters', { method: 'lora', base: 'none' }, 'base'],
  ['count_parameters', { adapter: 'imdb', method: 'lora' }, 'method'],
]

test.each(revisions)('the error of an invalid call names the argument and how to fix it: %s', async (revision) => {
  const { url, films, platform } = await startMcp({ adapters: ['imdb', 'other'] })
  const { call } = await connectAgent(revision, { url })
  for (const [name, args, argument] of wrong(films)) {
    expectRefusal(await call(name, args), name, args, argument)
  }
  const { isError, text } = await call('classify', { reviews: ['good'] })
  expect(isError).toBe(true)
  expect(text).toMatch(
    /^body_invalid: .*\nname: expected one of list_datasets, .*, but found "classify"\.\nCall one of these tools\.$/,
  )
  expect((await call('classify_reviews', { reviews: ['good'], adapter: 'imdb' })).summary).toBe('1 positive.')
  expect(platform.logged).toEqual([])
})

test.each([
  ['no JSON', 'x', 400, /body_not_json/],
  ['no message', '[1]', 400, /Bad Request/],
  ['no method', '{"jsonrpc":"2.0","id":1}', 400, /Bad Request|Invalid/],
  ['arguments that are a list', message({ name: 'list_adapters', arguments: [] }), 200, /arguments/],
  ['arguments that are a text', message({ name: 'list_adapters', arguments: 'all' }), 200, /arguments/],
  ['no name', message({ arguments: {} }), 200, /name/],
  ['an unknown method', '{"jsonrpc":"2.0","id":1,"method":"tools/do"}', 200, /Method not found/],
  [
    'an unknown revision',
    message({ name: 'list_adapters', _meta: { 'io.modelcontextprotocol/protocolVersion': '2030-01-01' } }),
    400,
    /./,
  ],
  ['JSON that is nested too deep', '['.repeat(100), 400, /body_not_json/],
])('a message with %s is rejected, and the server continues', async (_, body, status, text) => {
  const { url, platform } = await startMcp()
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
  const response = await fetch(`${url}/mcp`, { method: 'POST', headers, body })
  const answer = await response.text()
  expect({ status: response.status, answer }).toEqual({ status, answer: expect.stringMatching(text) })
  expect(answer).toContain('"error"')
  const { call } = await connectAgent('2026-07-28', { url })
  expect((await call('classify_reviews', { reviews: ['good'] })).summary).toBe('1 positive.')
  expect(platform.logged).toEqual([])
})

test('an internal failure shows only an id, under which the log has the details', async () => {
  const { url, platform } = await startMcp()
  const { call } = await connectAgent('2026-07-28', { url })
  platform.queue.countWaiting = () => Promise.reject(new Error('/secret/place'))
  const { isError, text } = await call('launch_training', { dataset: 'x' })
  expect(isError).toBe(true)
  expect(text).toMatch(/^internal: /)
  expect(text).not.toContain('/secret')
  const [{ context, error }] = platform.logged
  expect(text).toContain(context.request_id)
  expect(String(error)).toContain('/secret/place')
})

function message(params: object): string {
  return JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
}
