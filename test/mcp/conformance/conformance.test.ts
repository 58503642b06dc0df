import { expect, test } from 'vitest'
import { connectAgent, type Revision, revisions } from '../agents.ts'
import { startMcp } from '../start-mcp.ts'
import { type Check, requirements, runSuite } from './run-suite.ts'
import { makeSuiteMcp } from './server.ts'

/** The optional scenarios of the suite that are not met here, and why. */
const unmetOptional: Record<Revision, Readonly<Record<string, string>>> = {
  '2025-11-25': {
    'server-sse-polling': 'resumable streams are optional, and would need a store of events',
  },
  '2026-07-28': {
    'tasks-status-notifications':
      'the suite checks nothing yet; notifications are optional, and clients poll the tasks of Graft',
  },
}

/** The scenarios that need no tool, resource or prompt of the suite, and therefore apply to Graft itself. */
const applicable: Record<Revision, readonly string[]> = {
  '2025-11-25': [
    'server-initialize',
    'ping',
    'tools-list',
    'resources-list',
    'prompts-list',
    'dns-rebinding-protection',
  ],
  '2026-07-28': [
    'server-stateless',
    'tools-list',
    'resources-list',
    'prompts-list',
    'sep-2164-resource-not-found',
    'caching',
    'http-header-validation',
    'input-required-result-unsupported-methods',
    'dns-rebinding-protection',
  ],
}

/** The checks that call a tool of the suite which sends requests to the client. No tool of Graft does. */
const inapplicable = ['sep-2575-server-rejects-undeclared-capability', 'sep-2575-missing-capability-http-400']

const isMet = (checks: readonly Check[]): boolean =>
  checks.some(({ status }) => status === 'SUCCESS') &&
  !checks.some(({ status }) => status === 'FAILURE' || status === 'WARNING')

test('with its own tools behind the handler of Graft, the official suite passes everything that each revision requires', async () => {
  const { url } = await startMcp({ serve: makeSuiteMcp })
  const found = await Promise.all(revisions.map((revision) => runSuite(url, revision)))
  for (const [i, revision] of revisions.entries()) {
    const { required, optional } = requirements(revision)
    expect([...found[i].keys()].sort(), revision).toEqual([...required, ...optional].sort())
    expect(required.filter((name) => name in unmetOptional[revision])).toEqual([])
    const unmet = [...found[i]].filter(([, checks]) => !isMet(checks))
    expect(Object.fromEntries(unmet), revision).toEqual(
      Object.fromEntries(Object.keys(unmetOptional[revision]).map((name) => [name, expect.anything()])),
    )
  }
})

test('the tools, resources and prompts of Graft pass the official suite for each revision', async () => {
  const { url } = await startMcp()
  const found = await Promise.all(revisions.map((revision) => runSuite(url, revision)))
  for (const [i, revision] of revisions.entries())
    for (const name of applicable[revision]) {
      const checks = found[i].get(name) ?? []
      expect(isMet(checks.filter(({ id }) => !inapplicable.includes(id))), `${name}: ${JSON.stringify(checks)}`).toBe(
        true,
      )
    }
  const { client } = await connectAgent('2025-11-25', { url })
  expect(client.getServerCapabilities()?.resources).toEqual({ listChanged: false })
})

test('concurrent calls get progress on separate streams, without a session: 2025-11-25', async () => {
  const { url } = await startMcp({ serve: makeSuiteMcp })
  const { call } = await connectAgent('2025-11-25', { url })
  const received = [0, 1, 2].map(() => [] as number[])
  await Promise.all(
    received.map((steps) => call('test_tool_with_progress', {}, ({ progress }) => steps.push(progress))),
  )
  expect(received).toEqual([0, 1, 2].map(() => [0, 50, 100]))
})

test('a client that listens for changes does not keep the server from shutting down', async () => {
  const { url, close } = await startMcp()
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const method = 'subscriptions/listen'
  const response = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { notifications: {}, _meta } }),
  })
  const began = performance.now()
  await close()
  expect(await response.text()).toContain('notifications/subscriptions/acknowledged')
  expect(performance.now() - began).toBeLessThan(5000)
})
