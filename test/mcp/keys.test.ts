import { expect, test } from 'vitest'
import type { Access } from '../../platform/use-cases/access.ts'
import { connectAgent, revisions } from './agents.ts'
import { startMcp } from './start-mcp.ts'

const access: Access = {
  hasKeys: async () => true,
  verify: async (secret) => {
    const scopes = { graft_p: 'predict', graft_t: 'train' } as const
    return secret in scopes ? { owner: `id of ${secret}`, scopes: [scopes[secret as keyof typeof scopes]] } : undefined
  },
}

test.each(revisions)('a key may call only what its scope allows: %s', async (revision) => {
  const { url, films } = await startMcp({ access })
  const predictAgent = await connectAgent(revision, { url, key: 'graft_p' })
  expect(await predictAgent.call('classify_reviews', { reviews: ['good'] })).toMatchObject({ summary: '1 positive.' })
  for (const [name, args] of [
    ['launch_training', { dataset: films }],
    ['get_training', { training: 'x' }],
    ['cancel_training', { training: 'x' }],
    ['list_datasets', {}],
    ['add_dataset', { name: 'x', rows: [{ text: 'good', label: 'positive' }] }],
    ['list_trainings', {}],
    ['evaluate_adapter', { adapter: 'imdb', dataset: films }],
    ['promote_adapter', { alias: 'live', adapter: 'imdb' }],
  ] as const)
    expect(await predictAgent.call(name, args)).toMatchObject({
      isError: true,
      text: expect.stringMatching(/^scope_missing: .*\n.*the scope train/),
    })
  expect((await predictAgent.client.listResources()).resources.map(({ uri }) => uri.split('/')[2])).toEqual([
    'adapters',
  ])
  await expect(predictAgent.client.readResource({ uri: 'graft://trainings/x' })).rejects.toThrow('scope_missing')

  const trainAgent = await connectAgent(revision, { url, key: 'graft_t' })
  expect((await trainAgent.call('launch_training', { dataset: films })).structuredContent).toHaveProperty('training')
})

test.each(revisions)('a request without a valid key is rejected: %s', async (revision) => {
  const { url } = await startMcp({ access })
  await expect(connectAgent(revision, { url })).rejects.toThrow()
  await expect(connectAgent(revision, { url, key: 'graft_x' })).rejects.toThrow()
})

test('idempotency keys of different owners are independent', async () => {
  const { url, films } = await startMcp({
    access: { ...access, verify: async (secret) => ({ owner: secret, scopes: ['train'] }) },
  })
  const launch = async (key: string) => {
    const { call } = await connectAgent('2026-07-28', { url, key })
    const { structuredContent } = await call('launch_training', { dataset: films, idempotency_key: 'same' })
    return (structuredContent as { training: { id: string } }).training.id
  }
  expect(await launch('graft_a')).not.toBe(await launch('graft_b'))
})

test('a rejected request gets a JSON-RPC error with the HTTP status and problem', async () => {
  const { url } = await startMcp({ access })
  const response = await fetch(`${url}/mcp`, {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json' },
  })
  expect(response.status).toBe(401)
  expect(response.headers.get('www-authenticate')).toBe('Bearer realm="graft"')
  expect(await response.json()).toMatchObject({
    jsonrpc: '2.0',
    id: null,
    error: { data: { code: 'key_required', status: 401 } },
  })
})

test('without keys, a request from a page of another origin is rejected', async () => {
  const { url } = await startMcp()
  const headers = { 'content-type': 'application/json', origin: 'https://example.com' }
  const response = await fetch(`${url}/mcp`, { method: 'POST', body: '{}', headers })
  expect(response.status).toBe(403)
})
