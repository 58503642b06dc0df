import { expect, test } from 'vitest'
import { connected, type Revision, revisions } from '../agents.ts'
import { startMcp } from '../start-mcp.ts'
import { type Check, requirements, runSuite } from './run-suite.ts'
import { suiteMcp } from './server.ts'

/** What the suite runs beside what a revision requires, and is not found here. */
const open: Record<Revision, Readonly<Record<string, string>>> = {
  '2025-11-25': {
    'server-sse-polling': 'streams that are taken up again need a store of their events, which is optional',
  },
  '2026-07-28': {
    'tasks-status-notifications': 'the suite checks nothing yet; servers may tell of tasks, Graft is asked',
  },
}

/** Of Graft itself: scenarios that ask for no tool, resource or prompt of the suite's. */
const plain: Record<Revision, readonly string[]> = {
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

/** They call a tool of the suite's that needs something of the client; none of Graft's does. */
const inapplicable = ['sep-2575-server-rejects-undeclared-capability', 'sep-2575-missing-capability-http-400']

const isMet = (checks: readonly Check[]): boolean =>
  checks.some(({ status }) => status === 'SUCCESS') &&
  !checks.some(({ status }) => status === 'FAILURE' || status === 'WARNING')

test('behind the doors and streams of Graft the official suite finds all that either revision requires of servers', async () => {
  const { url } = await startMcp({ serve: suiteMcp })
  const found = await Promise.all(revisions.map((revision) => runSuite(url, revision)))
  for (const [i, revision] of revisions.entries()) {
    const { required, beside } = requirements(revision)
    expect([...found[i].keys()].sort(), revision).toEqual([...required, ...beside].sort())
    expect(required.filter((name) => name in open[revision])).toEqual([])
    const unmet = [...found[i]].filter(([, checks]) => !isMet(checks))
    expect(Object.fromEntries(unmet), revision).toEqual(
      Object.fromEntries(Object.keys(open[revision]).map((name) => [name, expect.anything()])),
    )
  }
})

test('the official suite finds the tools, resources and prompts of Graft to be as either revision says', async () => {
  const { url } = await startMcp()
  const found = await Promise.all(revisions.map((revision) => runSuite(url, revision)))
  for (const [i, revision] of revisions.entries())
    for (const name of plain[revision]) {
      const checks = found[i].get(name) ?? []
      expect(isMet(checks.filter(({ id }) => !inapplicable.includes(id))), `${name}: ${JSON.stringify(checks)}`).toBe(
        true,
      )
    }
  const { client } = await connected('2025-11-25', { url })
  expect(client.getServerCapabilities()?.resources).toEqual({ listChanged: false })
})

test('calls at the same time are answered each on a stream of its own, without a session: 2025-11-25', async () => {
  const { url } = await startMcp({ serve: suiteMcp })
  const { call } = await connected('2025-11-25', { url })
  const told = [0, 1, 2].map(() => [] as number[])
  await Promise.all(told.map((seen) => call('test_tool_with_progress', {}, ({ progress }) => seen.push(progress))))
  expect(told).toEqual([0, 1, 2].map(() => [0, 50, 100]))
})

test('a client that listens for changes does not keep the server from closing', async () => {
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
  expect(performance.now() - began).toBeLessThan(500)
})
